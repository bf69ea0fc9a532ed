import { DEFAULT_NAME } from '../options/resolve-options.js';
import type { Drift, DriftSubject, DriftVariant, InspectedDrift } from './inspector-types.js';
import type { HandlerInfo, InstanceInfo } from './instance-types.js';

/** What is compared, and how it is told. */
const SUBJECTS: readonly (readonly [DriftSubject, (instance: InstanceInfo) => string])[] = [
  ['version', ({ version }) => version],
  ['codec', ({ codec }) => codec],
  ['sharded', ({ access: { sharded } }) => String(sharded)],
  ['contracts', ({ contracts }) => contracts ?? 'none'],
];

/** What the comparison of instances has found. */
export type FoundDrift = Pick<InspectedDrift, 'drift' | 'notCompared'>;

/** In what the instances of one name differ. Those with the default name may be of different services. */
export function findDrift(instances: readonly InstanceInfo[]): FoundDrift {
  const services = groupBy(instances, ({ name }) => name);
  const unnamed = services.get(DEFAULT_NAME) ?? [];
  services.delete(DEFAULT_NAME);
  const drift = [...services].flatMap(([name, group]) => [
    ...SUBJECTS.flatMap(([subject, read]) => driftOf(name, subject, group, read)),
    ...handlerDrift(name, group),
  ]);
  // There is nothing to compare one instance with.
  return { drift, notCompared: unnamed.length > 1 ? unnamed.map(({ id }) => id) : [] };
}

function driftOf(
  name: string,
  subject: DriftSubject,
  instances: readonly InstanceInfo[],
  read: (instance: InstanceInfo) => string,
): Drift[] {
  const variants = [...groupBy(instances, read)].map(([value, group]) => variantOf(value, group));
  if (variants.length < 2) return [];
  return [{ name, subject, variants: variants.toSorted(byCount) }];
}

/** Only the handlers that one of the instances does not have are told. */
function handlerDrift(name: string, instances: readonly InstanceInfo[]): Drift[] {
  const common = instances
    .map(({ handlers }) => new Set(handlers.map(describeHandler)))
    .reduce((kept, lines) => new Set([...kept].filter((line) => lines.has(line))));
  return driftOf(name, 'handlers', instances, ({ handlers }) =>
    handlers
      .map(describeHandler)
      .filter((line) => !common.has(line))
      .toSorted()
      .join('\n'),
  );
}

/** A handler in one line: `event user.* (UserEvents.onUser) concurrency=1`. */
function describeHandler({ kind, subscription, pattern, method, options }: HandlerInfo): string {
  const given = Object.entries(options).map(([option, value]) => `${option}=${value}`);
  const sharded = subscription === 'shard' ? ['sharded'] : [];
  const where = method === undefined ? [] : [`(${method})`];
  return [kind, pattern, ...where, ...sharded, ...given.toSorted()].join(' ');
}

function variantOf(value: string, instances: readonly InstanceInfo[]): DriftVariant {
  return { value, instances: instances.map(({ id }) => id) };
}

function byCount(one: DriftVariant, other: DriftVariant): number {
  return other.instances.length - one.instances.length;
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
