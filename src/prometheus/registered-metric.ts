import type { Metric } from 'prom-client';

/** The value of one time series. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** With the ending of a histogram. Default: the name of the metric. */
  readonly metricName?: string;
}

/** What a metric counts or measures. */
export interface Definition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Without the prefix. */
  readonly name: string;
  readonly labels: readonly string[];
  readonly help: string;
  /**
   * How the values of the workers of a cluster of Node become one.
   *
   * @defaultValue `'sum'`
   */
  readonly aggregator?: 'min' | 'max';
}

/** Where the values of a metric come from. */
export interface MetricSource {
  read(): Sample[];
  reset(): void;
}

/**
 * A metric in a registry of `prom-client`, which asks for its values when it is scraped. It has what a registry uses of a
 * metric; read in 15.1.3.
 */
export class RegisteredMetric {
  /** Not read-only: the registry removes the ending `_total` in the OpenMetrics format. */
  name: string;
  readonly help: string;
  readonly type: Definition['type'];
  readonly aggregator: string;
  readonly #source: MetricSource;

  constructor(prefix: string, definition: Definition, source: MetricSource) {
    this.name = prefix + definition.name;
    this.help = definition.help;
    this.type = definition.type;
    this.aggregator = definition.aggregator ?? 'sum';
    this.#source = source;
  }

  /** The same object, as the types of `prom-client` know it. */
  get asMetric(): Metric {
    return this as unknown as Metric;
  }

  async get(): Promise<object> {
    const { name, help, type, aggregator } = this;
    return { name, help, type, aggregator, values: this.#source.read() };
  }

  reset(): void {
    this.#source.reset();
  }
}
