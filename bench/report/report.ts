import type { Environment } from '../harness/environment.js';
import type { MeasureResult } from '../harness/result.js';

/** Everything that a run found. */
export interface Report {
  /** Whether its counts are too small for the figures to say anything. */
  readonly isQuick: boolean;
  readonly environment: Environment;
  readonly measures: readonly ({ readonly name: string; readonly title: string } & MeasureResult)[];
}
