import type { Usage } from '../../harness/usage.js';

/** Returns a function that picks the usage at `index`. */
export function usageAt(index: number): (usages: readonly Usage[]) => Usage {
  return (usages) => {
    const usage = usages[index];
    if (!usage) throw new Error(`Expected more than ${index} usages, got ${usages.length}`);
    return usage;
  };
}
