import type { Sample } from './registered-metric.js';

/**
 * Counts by the transport and one more label. A counter of `prom-client` takes more than half a microsecond for each
 * message, to check labels that cannot be wrong here.
 */
export class Count {
  readonly #label: string | undefined;
  readonly #byTransport = new Map<string, Map<string, number>>();

  /** `label` is the name of the second label; without it there is none. */
  constructor(label?: string) {
    this.#label = label;
  }

  /** `value` is that of the second label. */
  add(transport: string, value = '', count = 1): void {
    let counts = this.#byTransport.get(transport);
    if (!counts) this.#byTransport.set(transport, (counts = new Map<string, number>()));
    counts.set(value, (counts.get(value) ?? 0) + count);
  }

  read(): Sample[] {
    const label = this.#label;
    return [...this.#byTransport].flatMap(([transport, counts]) =>
      [...counts].map(([text, value]) => {
        const labels = label === undefined ? { transport } : { transport, [label]: text };
        return { labels, value };
      }),
    );
  }

  reset(): void {
    this.#byTransport.clear();
  }
}
