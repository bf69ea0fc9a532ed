import type { Registry, RegistryContentType } from 'prom-client';
import { parsePrometheusText, type ScrapedMetric } from '../../support/prometheus-text.js';

type Labels = Readonly<Record<string, string>>;

/** What Prometheus reads from a registry at one time. */
export class Scrape {
  readonly metrics: Map<string, ScrapedMetric>;

  constructor(text: string) {
    this.metrics = parsePrometheusText(text);
  }

  static async of(register: Registry<RegistryContentType>): Promise<Scrape> {
    return new Scrape(await register.metrics());
  }

  /** The number of time series. */
  get size(): number {
    return [...this.metrics.values()].reduce((sum, { samples }) => sum + samples.length, 0);
  }

  /** The values of a metric by the labels beside `transport`, without the counters that are 0. */
  all(name: string, transport = 'redis-pubsub'): Record<string, number> {
    const { type, samples } = this.metrics.get(`redis_pubsub_${name}`) ?? { samples: [] };
    const own = samples.filter(
      ({ labels, value }) => labels.transport === transport && (type !== 'counter' || value > 0),
    );
    return Object.fromEntries(
      own.map(({ labels, value }) => {
        const others = Object.entries(labels).filter(([label]) => label !== 'transport');
        return [others.map(([, it]) => it).join(' '), value];
      }),
    );
  }

  /** The value of one time series. */
  value(name: string, labels: Labels = {}): number | undefined {
    const base = `redis_pubsub_${name}`;
    const metric =
      this.metrics.get(base) ?? this.metrics.get(base.replace(/_(?:bucket|sum|count)$/, ''));
    return metric?.samples.find(
      (sample) =>
        sample.name === base &&
        Object.entries({ transport: 'redis-pubsub', ...labels }).every(
          ([label, value]) => sample.labels[label] === value,
        ),
    )?.value;
  }
}
