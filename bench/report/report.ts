import type { Environment } from '../harness/environment.js';
import type { MeasureResult } from '../harness/result.js';

/** The results of a run. */
export interface Report {
  /** Whether the counts are too small for meaningful figures. */
  readonly isQuick: boolean;
  readonly environment: Environment;
  readonly measures: readonly ({ readonly name: string; readonly title: string } & MeasureResult)[];
}
