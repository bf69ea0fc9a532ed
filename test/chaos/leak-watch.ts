import type { EventEmitter } from 'node:events';
import type { Subject } from './subject.js';
import { until } from './until.js';

/** What a library can leave behind in a process. */
const RESOURCES = ['TCPSocketWrap', 'TCPConnectWrap', 'Timeout'];

/** Finds what is there at the end and was not at the beginning. */
export class LeakWatch {
  readonly #resources = countResources();
  readonly #listeners = countListeners();
  readonly #rejections: string[] = [];

  constructor() {
    process.on('unhandledRejection', this.#onRejection);
  }

  readonly #onRejection = (reason: unknown): void => {
    this.#rejections.push(String(reason));
  };

  assertNoRejection(): void {
    if (this.#rejections.length > 0) {
      throw new Error(`Unhandled: ${this.#rejections.join(', ')}`);
    }
  }

  async assertNone(): Promise<void> {
    process.off('unhandledRejection', this.#onRejection);
    this.assertNoRejection();
    const left = (): string[] => [
      ...excess(this.#resources, countResources()),
      ...excess(this.#listeners, countListeners()),
    ];
    await until(
      () => `nothing is left behind: ${left().join(', ')}`,
      () => left().length === 0,
    );
  }
}

/** How many listeners the ioredis clients of an application have. */
export function listenersOf({ clients }: Subject): number {
  const counts = clients.map((client) => sumListeners(client));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** How many sockets this process has open. */
export function countSockets(): number {
  return process.getActiveResourcesInfo().filter((it) => it === 'TCPSocketWrap').length;
}

function countResources(): Map<string, number> {
  const active = process.getActiveResourcesInfo();
  return new Map(RESOURCES.map((type) => [type, active.filter((it) => it === type).length]));
}

function countListeners(): Map<string, number> {
  const events = process.eventNames();
  return new Map(events.map((event) => [String(event), process.listenerCount(event)]));
}

function sumListeners(emitter: EventEmitter): number {
  const counts = emitter.eventNames().map((event) => emitter.listenerCount(event));
  return counts.reduce((sum, count) => sum + count, 0);
}

function excess(before: Map<string, number>, after: Map<string, number>): string[] {
  return [...after]
    .filter(([name, count]) => count > (before.get(name) ?? 0))
    .map(([name, count]) => `${name} (${count}, ${before.get(name) ?? 0} before)`);
}
