import type { TelemetryEvents } from '../telemetry.js';
import type { Sample } from './registered-metric.js';

type Queue = NonNullable<TelemetryEvents['declare']['queue']>;

/** The queues of one pattern: several methods may have it. */
interface PatternQueues {
  readonly labels: { readonly transport: string; readonly pattern: string };
  queues: WeakRef<Queue>[];
}

/** The queues of handlers, whose lengths are read at a scrape: no message pays for them. */
export class HandlerQueues {
  readonly #byPattern = new Map<string, PatternQueues>();

  /** A handler without a queue has no length. */
  add({ transport, pattern, queue }: TelemetryEvents['declare']): void {
    if (!queue) return;
    const key = JSON.stringify([transport, pattern]);
    const known = this.#byPattern.get(key) ?? { labels: { transport, pattern }, queues: [] };
    this.#byPattern.set(key, known);
    known.queues.push(new WeakRef(queue));
  }

  /** How many messages wait for each pattern. That of a closed server has 0. */
  read(): Sample[] {
    return [...this.#byPattern.values()].map((known) => {
      known.queues = known.queues.filter((queue) => queue.deref());
      const value = known.queues.reduce((sum, queue) => sum + (queue.deref()?.length ?? 0), 0);
      return { labels: known.labels, value };
    });
  }

  clear(): void {
    this.#byPattern.clear();
  }
}
