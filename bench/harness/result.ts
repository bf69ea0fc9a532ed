import type { CandidateName } from '../candidates/candidate.js';
import type { Summary } from './statistics.js';

/** One figure for each candidate that has it. */
export type Figures = Readonly<Partial<Record<CandidateName, Summary>>>;

/** A target of our figure, the value that was measured, and whether it meets the target. */
export interface Target {
  readonly text: string;
  readonly actual: number;
  readonly isMet: boolean;
}

/** The bar chart that shows a row, and the label of its bars. */
export interface Bar {
  readonly chart: BarChartName;
  readonly label: string;
}

/** The names of the bar charts. */
export type BarChartName =
  'cpu-60-b' | 'cpu-1-kb' | 'cpu-16-kb' | 'requests' | 'latency' | 'memory-per-channel' | 'cluster';

/** One row of the table. */
export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly figures: Figures;
  /** Wall time per message, in microseconds. */
  readonly wall?: Figures;
  readonly targets: readonly Target[];
  readonly bar?: Bar;
}

/** A figure as a function of a number; drawn as a line chart. */
export interface Series {
  readonly title: string;
  readonly unit: string;
  readonly xTitle: string;
  /** Whether the y axis is logarithmic. */
  readonly isLogarithmic?: boolean;
  readonly points: readonly { readonly x: number; readonly figures: Figures }[];
}

/** The result of a measure. */
export interface MeasureResult {
  readonly rows: readonly Row[];
  readonly series?: Series;
  /** Remarks for the reader of the figures. */
  readonly notes?: readonly string[];
}
