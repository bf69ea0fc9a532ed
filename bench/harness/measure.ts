import type { Bench } from './bench.js';
import type { MeasureResult } from './result.js';

/** One thing that is measured. */
export interface Measure {
  /** What `--only` calls it. */
  readonly name: string;
  readonly title: string;
  run(bench: Bench): Promise<MeasureResult>;
}
