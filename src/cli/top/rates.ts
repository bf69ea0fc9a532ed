import type { HandlerStats, InstanceStats } from '../../introspection/instance-types.js';
import type { Snapshot } from './snapshot.js';

/** Identifies the same handler of all instances of a service. */
export function handlerKey(
  { name }: Pick<InstanceStats, 'name'>,
  { pattern, kind, subscription, method }: HandlerStats,
): string {
  return JSON.stringify([name, pattern, kind, subscription, method]);
}

/** What changed between two snapshots, each second. */
export class Rates {
  readonly #seconds: number;
  readonly #before = new Map<string, number>();
  readonly #instances = new Set<string>();

  constructor(before: Snapshot | undefined, now: Snapshot) {
    this.#seconds = before ? (now.atMs - before.atMs) / 1_000 : 0;
    for (const instance of before?.instances ?? []) {
      this.#instances.add(instance.id);
      this.#before.set(instance.id, instance.published);
      for (const handler of instance.handlers) {
        this.#before.set(instance.id + handlerKey(instance, handler), handler.received);
      }
    }
  }

  /** The messages that an instance publishes each second; `undefined` where that is not known yet. */
  published({ id, published }: InstanceStats): number | undefined {
    return this.#rate(id, id, published);
  }

  /** The messages that arrive for a handler of an instance each second; `undefined` where that is not known yet. */
  received(instance: InstanceStats, handler: HandlerStats): number | undefined {
    return this.#rate(instance.id, instance.id + handlerKey(instance, handler), handler.received);
  }

  #rate(id: string, key: string, count: number): number | undefined {
    if (this.#seconds <= 0 || !this.#instances.has(id)) return undefined;
    return Math.max(0, count - (this.#before.get(key) ?? 0)) / this.#seconds;
  }
}

/** The sum of what is known; `undefined` if nothing is. */
export function sumOf(rates: readonly (number | undefined)[]): number | undefined {
  const known = rates.filter((rate) => rate !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, rate) => sum + rate, 0);
}
