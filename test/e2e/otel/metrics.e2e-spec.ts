import { Injectable } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { metrics, type Attributes } from '@opentelemetry/api';
import {
  DataPointType,
  MeterProvider,
  MetricReader,
  type Histogram,
  type MetricData,
} from '@opentelemetry/sdk-metrics';
import { Subscribe } from 'nestjs-redis-pubsub';
import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { closeAfterTest } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startTraced } from './apps.js';

@Injectable()
class Handlers {
  @Subscribe('order.:event')
  onOrder(@Payload() data: unknown) {
    if (data === 'bad') throw new RangeError('out');
  }

  @MessagePattern<string>('sum')
  sum() {
    return 3;
  }
}

/** Collects the metrics when the test asks. */
class TestReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}

  /** The metrics by their names. */
  async read(): Promise<Map<string, MetricData>> {
    const { resourceMetrics } = await this.collect();
    const all = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
    return new Map(all.map((metric) => [metric.descriptor.name, metric]));
  }
}

/** Registers the SDK for metrics until the test ends. */
function startMetrics(): TestReader {
  const reader = new TestReader();
  const provider = new MeterProvider({ readers: [reader] });
  metrics.setGlobalMeterProvider(provider);
  closeAfterTest(async () => {
    await provider.shutdown();
    metrics.disable();
  });
  return reader;
}

const PUBLISH = {
  'messaging.system': 'redis',
  'messaging.operation.name': 'publish',
  'messaging.operation.type': 'send',
};
const PROCESS = {
  'messaging.system': 'redis',
  'messaging.operation.name': 'process',
  'messaging.operation.type': 'process',
};
const PROCESS_ORDER = { ...PROCESS, 'messaging.destination.template': 'order.:event' };

/** The counts by their attributes, in the order of those. A histogram has its count. */
function countsOf(metric: MetricData | undefined): [Attributes, number][] {
  const points = metric?.dataPoints ?? [];
  return points
    .map(({ attributes, value }): [Attributes, number] => [
      attributes,
      typeof value === 'number' ? value : (value as Histogram).count,
    ])
    .toSorted(([one], [other]) => JSON.stringify(one).localeCompare(JSON.stringify(other)));
}

describe('the metrics of the messaging conventions, in the SDK of OpenTelemetry', () => {
  const redis = useRedis();

  it('count and time what is published and handled', async () => {
    const reader = startMetrics();
    const { client } = await startTraced(Handlers, { connection: redis.url });
    await lastValueFrom(client.emit('order.created', 1));
    await lastValueFrom(client.emit('order.paid', 'bad'));
    await expect(lastValueFrom(client.emit('order.paid', new Map()))).rejects.toThrow('encode');
    expect(await lastValueFrom(client.send('sum', [1, 2]))).toBe(3);
    const handled = 'messaging.client.consumed.messages';
    await eventually(async () => countsOf((await reader.read()).get(handled)).length === 3);
    const read = await reader.read();

    const published: [Attributes, number][] = [
      [{ ...PUBLISH, 'error.type': 'ERR_PUBSUB_PAYLOAD' }, 1],
      [PUBLISH, 3],
    ];
    const processed: [Attributes, number][] = [
      [{ ...PROCESS_ORDER, 'error.type': 'RangeError' }, 1],
      [PROCESS_ORDER, 1],
      [{ ...PROCESS, 'messaging.destination.template': 'sum' }, 1],
    ];
    expect([...read.keys()].toSorted()).toEqual([
      'messaging.client.consumed.messages',
      'messaging.client.operation.duration',
      'messaging.client.sent.messages',
      'messaging.process.duration',
    ]);
    expect(countsOf(read.get('messaging.client.sent.messages'))).toEqual(published);
    expect(countsOf(read.get('messaging.client.operation.duration'))).toEqual(published);
    expect(countsOf(read.get('messaging.client.consumed.messages'))).toEqual(processed);
    expect(countsOf(read.get('messaging.process.duration'))).toEqual(processed);
  });

  it('have the types, the units and the buckets of the conventions', async () => {
    const reader = startMetrics();
    const { client } = await startTraced(Handlers, { connection: redis.url });
    await lastValueFrom(client.emit('order.created', 1));
    await eventually(async () => (await reader.read()).size === 4);
    for (const [name, metric] of await reader.read()) {
      const isDuration = name.endsWith('.duration');
      expect(metric.descriptor.unit).toBe(isDuration ? 's' : '{message}');
      expect(metric.dataPointType).toBe(isDuration ? DataPointType.HISTOGRAM : DataPointType.SUM);
      if (!isDuration) continue;
      const [{ value } = {}] = metric.dataPoints;
      const { buckets, sum } = value as Histogram;
      expect(buckets.boundaries).toEqual([
        0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
      ]);
      // Not milliseconds.
      expect(sum).toBeLessThan(1);
    }
  });
});
