import type { DeliveryCounts } from './deliveries.js';
import type { ProcessUsage } from './process-usage.js';

/** The measurements of a run; times in milliseconds. */
export interface LoadResult {
  readonly streams: {
    readonly opened: number;
    readonly openingTime: number;
    readonly openAtEnd: number;
  };
  readonly deliveries: DeliveryCounts;
  /** In ascending order. */
  readonly latencies: readonly number[];
  readonly emittingTime: number;
  /** From the first `emit` to the last delivery. */
  readonly duration: number;
  /** Each gateway before the streams were opened, before the first `emit`, and after the last delivery. */
  readonly gateways: Record<'started' | 'before' | 'after', readonly ProcessUsage[]>;
  /** CPU time of Redis from the first `emit` to the last delivery. */
  readonly redisCpu: number;
  /** CPU time of the load process from the first `emit` to the last delivery. */
  readonly generatorCpu: number;
}

/** The figures of a run; the names contain the units. */
export type Figures = ReturnType<typeof figuresOf>;

export function figuresOf(result: LoadResult) {
  const { streams, deliveries, latencies, gateways, redisCpu } = result;
  const gatewayCpu = cpuOf(gateways.after) - cpuOf(gateways.before);
  const percentOfCore = (cpu: number): number => round((cpu / result.duration) * 100, 1);
  const perDelivery = (cpu: number): number | null =>
    deliveries.delivered === 0 ? null : round(cpu / deliveries.delivered, 3);
  return {
    streams: streams.opened,
    openingSeconds: round(streams.openingTime / 1_000, 2),
    streamsOpenAtEnd: streams.openAtEnd,
    ...deliveries,
    emittedPerSecond: round((deliveries.emitted / result.emittingTime) * 1_000, 1),
    latencyMs: {
      p50: percentile(latencies, 50),
      p90: percentile(latencies, 90),
      p99: percentile(latencies, 99),
      max: percentile(latencies, 100),
    },
    /** Memory is that of the largest gateway, CPU that of all gateways together. */
    gateways: {
      count: gateways.after.length,
      megabytesWithoutStreams: megabytes(gateways.started),
      megabytesWithStreams: megabytes(gateways.before),
      megabytesAtEnd: megabytes(gateways.after),
      cpuPercentOfCore: percentOfCore(gatewayCpu),
      cpuMsPerDelivery: perDelivery(gatewayCpu),
    },
    redis: { cpuPercentOfCore: percentOfCore(redisCpu), cpuMsPerDelivery: perDelivery(redisCpu) },
    generatorCpuPercentOfCore: percentOfCore(result.generatorCpu),
  };
}

/** Whether every notification was delivered once, in order, to its user. */
export function isFlawless({ deliveries }: LoadResult): boolean {
  const { lost, duplicated, outOfOrder, misdirected } = deliveries;
  return lost + duplicated + outOfOrder + misdirected === 0;
}

/** The figures as text. */
export function summaryOf(figures: Figures): string {
  const { latencyMs, gateways, redis } = figures;
  return [
    `streams    ${figures.streams} opened in ${figures.openingSeconds} s, ${figures.streamsOpenAtEnd} open at the end`,
    `messages   ${figures.emitted} emitted (${figures.emittedPerSecond} per second), ${figures.delivered} delivered, ${figures.lost} lost`,
    `           ${figures.duplicated} duplicated, ${figures.outOfOrder} out of order, ${figures.misdirected} to another user`,
    `latency    p50 ${latencyMs.p50} ms, p90 ${latencyMs.p90} ms, p99 ${latencyMs.p99} ms, max ${latencyMs.max} ms`,
    `gateways   ${gateways.count}, with ${gateways.cpuPercentOfCore} % of a core together, ${gateways.cpuMsPerDelivery} ms of CPU per message delivered`,
    `           ${gateways.megabytesWithoutStreams} MB at first, ${gateways.megabytesWithStreams} MB with the streams, ${gateways.megabytesAtEnd} MB at the end, the largest`,
    `redis      ${redis.cpuPercentOfCore} % of a core, ${redis.cpuMsPerDelivery} ms of CPU per message delivered`,
    `generator  ${figures.generatorCpuPercentOfCore} % of a core`,
  ].join('\n');
}

/** The nearest-rank percentile; `null` for an empty list. */
function percentile(sorted: readonly number[], percent: number): number | null {
  const value = sorted[Math.ceil((sorted.length * percent) / 100) - 1];
  return value === undefined ? null : round(value, 2);
}

function cpuOf(processes: readonly ProcessUsage[]): number {
  return processes.reduce((sum, { cpu }) => sum + cpu, 0);
}

/** Of the largest process. */
function megabytes(processes: readonly ProcessUsage[]): number {
  return round(Math.max(...processes.map(({ memory }) => memory)) / 1_000_000, 1);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
