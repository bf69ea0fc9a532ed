import type { Bench } from './bench.js';
import type { MeasureResult } from './result.js';

/** One measure of the benchmark. */
export interface Measure {
  /** The name that `--only` selects it by. */
  readonly name: string;
  readonly title: string;
  run(bench: Bench): Promise<MeasureResult>;
}
