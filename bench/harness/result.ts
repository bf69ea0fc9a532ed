import type { ParticipantName } from '../participants/participant.js';
import type { Summary } from './statistics.js';
import type { Target } from './target.js';

/** One figure for each participant that has it. */
export type Figures = Readonly<Partial<Record<ParticipantName, Summary>>>;

/** Where a figure is drawn as a bar beside others, and what it is called there. */
export interface Bar {
  readonly chart: BarChartName;
  readonly label: string;
}

/** The charts of bars. */
export type BarChartName =
  'cpu-60-b' | 'cpu-1-kb' | 'cpu-16-kb' | 'requests' | 'latency' | 'memory-per-channel';

/** One line of the table. */
export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly figures: Figures;
  /** The time that passed for one message beside the CPU time that it took, in microseconds. */
  readonly wall?: Figures;
  readonly targets: readonly Target[];
  readonly bar?: Bar;
}

/** How a figure changes with a number; drawn as lines. */
export interface Series {
  readonly title: string;
  readonly unit: string;
  readonly xTitle: string;
  /** Whether the figures are of very different sizes. */
  readonly isLogarithmic?: boolean;
  readonly points: readonly { readonly x: number; readonly figures: Figures }[];
}

/** What a measure found. */
export interface MeasureResult {
  readonly rows: readonly Row[];
  readonly series?: Series;
  /** What a reader should know beside the figures. */
  readonly notes?: readonly string[];
}
