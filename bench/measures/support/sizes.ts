import type { Bench } from '../../harness/bench.js';
import type { BarChartName } from '../../harness/result.js';
import { PAYLOADS } from '../../workload/payloads.js';

/** A payload size and the number of messages in a sample of it. */
export interface Size {
  readonly name: string;
  readonly bytes: number;
  readonly count: number;
  /** The chart that shows its figures. */
  readonly chart: BarChartName;
}

const COUNTS: Record<(typeof PAYLOADS)[number]['name'], { full: number; quick: number }> = {
  '60 B': { full: 20_000, quick: 500 },
  '1 KB': { full: 10_000, quick: 500 },
  '16 KB': { full: 1_500, quick: 100 },
};

/** The payload sizes for this run. */
export function sizesFor(bench: Bench): Size[] {
  return PAYLOADS.map((payload) => ({ ...payload, count: bench.pick(COUNTS[payload.name]) }));
}
