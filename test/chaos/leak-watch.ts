import type { EventEmitter } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { eventually } from '../support/redis.js';
import type { TestApplication } from './application.js';

/** The resources that a library can leak in a process. */
const RESOURCES = ['TCPSocketWrap', 'TCPConnectWrap', 'Timeout'];

type Counts = ReadonlyMap<string, number>;

/** Finds resources and listeners of this process that a scenario leaks. */
export class LeakWatch {
  readonly #before: Counts;
  readonly #rejections: string[] = [];

  private constructor(before: Counts) {
    this.#before = before;
    process.on('unhandledRejection', this.#onRejection);
  }

  /** Counts the resources and listeners before a scenario. */
  static async start(): Promise<LeakWatch> {
    let before: Counts = new Map();
    await waitForCounts((counts) => {
      before = counts;
      return true;
    }, 'the resources are counted');
    return new LeakWatch(before);
  }

  readonly #onRejection = (reason: unknown): void => {
    this.#rejections.push(String(reason));
  };

  assertNoRejection(): void {
    if (this.#rejections.length > 0) {
      throw new Error(`Unhandled: ${this.#rejections.join(', ')}`);
    }
  }

  /** Asserts that the scenario has leaked nothing. */
  async assertNone(): Promise<void> {
    process.off('unhandledRejection', this.#onRejection);
    this.assertNoRejection();
    let leaks: string[] = [];
    await waitForCounts(
      (counts) => {
        leaks = excess(this.#before, counts);
        return leaks.length === 0;
      },
      () => `nothing is leaked: ${leaks.join(', ')}`,
    );
  }
}

/** Waits for a fact about the counts. `eventually` has timers itself, so every count includes them. */
function waitForCounts(
  isTrue: (counts: Counts) => boolean,
  expected: string | (() => string),
): Promise<void> {
  return eventually(async () => {
    // `eventually` starts its timers after the first look has begun.
    await setImmediate();
    return isTrue(new Map([...countResources(), ...countListeners()]));
  }, expected);
}

/** How many listeners the ioredis clients of an application have. */
export function listenersOf({ clients }: TestApplication): number {
  const counts = clients.map((client) => sumListeners(client));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** How many sockets this process has open. */
export function countSockets(): number {
  return process.getActiveResourcesInfo().filter((it) => it === 'TCPSocketWrap').length;
}

function countResources(): Counts {
  const active = process.getActiveResourcesInfo();
  return new Map(RESOURCES.map((type) => [type, active.filter((it) => it === type).length]));
}

function countListeners(): Counts {
  const events = process.eventNames();
  return new Map(
    events.map((event) => [`listeners of ${String(event)}`, process.listenerCount(event)]),
  );
}

function sumListeners(emitter: EventEmitter): number {
  const counts = emitter.eventNames().map((event) => emitter.listenerCount(event));
  return counts.reduce((sum, count) => sum + count, 0);
}

function excess(before: Counts, after: Counts): string[] {
  return [...after]
    .filter(([name, count]) => count > (before.get(name) ?? 0))
    .map(([name, count]) => `${name} (${count}, ${before.get(name) ?? 0} before)`);
}
