import type { Bench } from '../../harness/bench.js';
import type { BarChartName } from '../../harness/result.js';
import { PAYLOADS } from '../../workload/payloads.js';

/** A size of payload, and how many messages of it are enough for a sample. */
export interface Size {
  readonly name: string;
  readonly bytes: number;
  readonly count: number;
  /** Where its figures are drawn. */
  readonly chart: BarChartName;
}

const COUNTS: Record<(typeof PAYLOADS)[number]['name'], { full: number; quick: number }> = {
  '60 B': { full: 20_000, quick: 500 },
  '1 KB': { full: 10_000, quick: 500 },
  '16 KB': { full: 1_500, quick: 100 },
};

/** The sizes of payloads for this run. */
export function sizesFor(bench: Bench): Size[] {
  return PAYLOADS.map((payload) => ({ ...payload, count: bench.pick(COUNTS[payload.name]) }));
}
