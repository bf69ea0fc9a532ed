import type { InspectedInstances } from '../introspection/inspector-types.js';
import type {
  HandlerInfo,
  HandlerStats,
  InstanceInfo,
  InstancePing,
  InstanceStats,
} from '../introspection/instance-types.js';
import type { HandlerRow, InstanceRow, Totals } from './page-data.js';
import { sumOfRates, type RateMeter } from './rate-meter.js';

/** The instances of a fleet, and its handlers. */
export interface Fleet {
  readonly totals: Totals;
  readonly instances: readonly InstanceRow[];
  readonly handlers: readonly HandlerRow[];
  readonly missing: readonly InstancePing[];
  readonly silent: number | undefined;
}

/** A handler in one instance. */
interface HandlerReading extends HandlerStats {
  readonly service: string;
  readonly options: string;
  readonly rate: number | undefined;
}

/** Joins what the instances are with what they have done. The round of `meter` has begun. */
export function fleetOf(
  { instances: infos, missing, silent }: InspectedInstances<InstanceInfo>,
  stats: readonly InstanceStats[],
  meter: RateMeter,
): Fleet {
  const infoOf = new Map(infos.map((info) => [info.id, info]));
  const readings = stats.map((it) => readingsOf(it, infoOf.get(it.id), meter));
  const instances = stats.map((it, i) =>
    instanceRow(it, infoOf.get(it.id), readings[i] ?? [], meter),
  );
  const handlers = handlerRows(readings.flat());
  return { totals: totalsOf(instances, handlers), instances, handlers, missing, silent };
}

function readingsOf(
  { id, name, handlers }: InstanceStats,
  info: InstanceInfo | undefined,
  meter: RateMeter,
): HandlerReading[] {
  return handlers.map((handler, i) => ({
    ...handler,
    service: name,
    options: optionsText(info?.handlers[i]?.options ?? {}),
    rate: meter.rate(`${id} ${i} ${handler.pattern}`, handler.received),
  }));
}

function optionsText(options: HandlerInfo['options']): string {
  return Object.entries(options)
    .map(([name, value]) => `${name}: ${String(value)}`)
    .join(', ');
}

function instanceRow(
  { handlers, startedAt, since, ...stats }: InstanceStats,
  info: InstanceInfo | undefined,
  readings: readonly HandlerReading[],
  meter: RateMeter,
): InstanceRow {
  return {
    ...stats,
    ...(info && { host: info.host, pid: info.pid, codec: info.codec }),
    startedAt: startedAt.getTime(),
    since: since.getTime(),
    received: sum(handlers, 'received'),
    failed: sum(handlers, 'failed'),
    waiting: sum(handlers, 'waiting'),
    receivedRate: sumOfRates(readings.map(({ rate }) => rate)),
    publishedRate: meter.rate(`${stats.id} published`, stats.published),
  };
}

/** One row for the handlers of all instances of a service that have the same pattern and method. */
function handlerRows(readings: readonly HandlerReading[]): HandlerRow[] {
  const groups = new Map<string, HandlerReading[]>();
  for (const reading of readings) {
    const { service, kind, subscription, pattern, method } = reading;
    const key = JSON.stringify([service, kind, subscription, pattern, method]);
    groups.set(key, [...(groups.get(key) ?? []), reading]);
  }
  return [...groups.values()].map(handlerRow).toSorted(byServiceAndPattern);
}

function byServiceAndPattern(one: HandlerRow, other: HandlerRow): number {
  return one.service.localeCompare(other.service) || one.pattern.localeCompare(other.pattern);
}

function handlerRow(readings: readonly HandlerReading[]): HandlerRow {
  const { service, kind, subscription, pattern, method, options } = readings[0] as HandlerReading;
  return {
    service,
    kind,
    subscription,
    pattern,
    method,
    options,
    instances: readings.length,
    received: sum(readings, 'received'),
    handled: sum(readings, 'handled'),
    failed: sum(readings, 'failed'),
    dropped: sum(readings, 'dropped'),
    waiting: sum(readings, 'waiting'),
    running: sum(readings, 'running'),
    gaps: sum(readings, 'gaps'),
    rate: sumOfRates(readings.map(({ rate }) => rate)),
  };
}

function totalsOf(instances: readonly InstanceRow[], handlers: readonly HandlerRow[]): Totals {
  return {
    instances: instances.length,
    impaired: instances.filter(({ status }) => status !== 'connected').length,
    handlers: handlers.length,
    received: sum(instances, 'received'),
    failed: sum(instances, 'failed'),
    dropped: sum(instances, 'dropped') + sum(handlers, 'dropped'),
    lost: sum(instances, 'lost'),
    gaps: sum(instances, 'gaps'),
    waiting: sum(instances, 'waiting'),
    receivedRate: sumOfRates(instances.map(({ receivedRate }) => receivedRate)),
    publishedRate: sumOfRates(instances.map(({ publishedRate }) => publishedRate)),
  };
}

function sum<Name extends string>(rows: readonly Readonly<Record<Name, number>>[], name: Name) {
  return rows.reduce((total, row) => total + row[name], 0);
}
