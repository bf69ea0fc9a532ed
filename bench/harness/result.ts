import type { ParticipantName } from '../participants/participant.js';
import type { Summary } from './statistics.js';
import type { Target } from './target.js';

/** One figure for each participant that has it. */
export type Figures = Readonly<Partial<Record<ParticipantName, Summary>>>;

/** One line of the table. */
export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly figures: Figures;
  /** The time that passed for one message beside the CPU time that it took, in microseconds. */
  readonly wall?: Figures;
  readonly targets: readonly Target[];
}

/** How a figure changes with a number; drawn as lines. */
export interface Series {
  readonly title: string;
  readonly unit: string;
  readonly xTitle: string;
  readonly points: readonly { readonly x: number; readonly figures: Figures }[];
}

/** What a measure found. */
export interface MeasureResult {
  readonly rows: readonly Row[];
  readonly series?: Series;
  /** What a reader should know beside the figures. */
  readonly notes?: readonly string[];
}
