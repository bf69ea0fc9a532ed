import type { InspectedPattern } from './inspector-types.js';
import type { InstanceInfo } from './instance-types.js';

/** The globs that instances are subscribed to: those of their handlers and of their observers. */
export function listPatterns(instances: readonly InstanceInfo[]): InspectedPattern[] {
  const counts = new Map<string, number>();
  const sources = new Map<string, string>();
  for (const { handlers, access } of instances) {
    const own = handlers.filter(({ subscription }) => subscription === 'pattern');
    for (const { name, pattern } of own) sources.set(name, pattern);
    const globs = new Set([...own.map(({ name }) => name), ...access.globs]);
    for (const glob of globs) counts.set(glob, (counts.get(glob) ?? 0) + 1);
  }
  return [...counts]
    .map(([glob, count]) => ({ pattern: sources.get(glob) ?? glob, glob, instances: count }))
    .toSorted(
      (one, other) => other.instances - one.instances || one.glob.localeCompare(other.glob),
    );
}
