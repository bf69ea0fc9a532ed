import type { ParticipantName } from '../participants/participant.js';
import type { Figures } from './result.js';
import { summarizeRatios, type Summary } from './statistics.js';

/** What a figure of ours must reach, and what it has reached. */
export interface Target {
  readonly text: string;
  readonly actual: number;
  readonly isMet: boolean;
}

/** Something to hold figures against. */
export type Expectation = (figures: Figures) => Target;

/** Our figure must not be above so many times that of another participant. */
export function atMostTimes(factor: number, other: ParticipantName): Expectation {
  return (figures) => {
    const actual = ratio(figures, other);
    return { text: `≤ ${factor} × ${other}`, actual, isMet: actual <= factor };
  };
}

/** Our figure must not be below so many times that of another participant. */
export function atLeastTimes(factor: number, other: ParticipantName): Expectation {
  return (figures) => {
    const actual = ratio(figures, other);
    return { text: `≥ ${factor} × ${other}`, actual, isMet: actual >= factor };
  };
}

/** Our figure must not be above a limit. */
export function atMost(limit: number, unit: string): Expectation {
  return (figures) => {
    const actual = medianOf(figures, 'ours');
    return { text: `≤ ${limit} ${unit}`, actual, isMet: actual <= limit };
  };
}

/** Our figure must not be below a limit. */
export function atLeast(limit: number, unit: string): Expectation {
  return (figures) => {
    const actual = medianOf(figures, 'ours');
    return { text: `≥ ${limit} ${unit}`, actual, isMet: actual >= limit };
  };
}

/** Our figure must be this one, in every round. */
export function exactly(expected: number): Expectation {
  return (figures) => ({
    text: `= ${expected}`,
    actual: medianOf(figures, 'ours'),
    isMet: figures.ours?.rounds.every((value) => value === expected) ?? false,
  });
}

/** Our figure must not be above that of another participant by more than so much. */
export function atMostAbove(limit: number, other: ParticipantName, unit: string): Expectation {
  return (figures) => {
    const actual = medianOf(figures, 'ours') - medianOf(figures, other);
    return { text: `≤ ${limit} ${unit} above ${other}`, actual, isMet: actual <= limit };
  };
}

/** The median of the ratios within the rounds: what is next to each other ran on the same machine. */
function ratio(figures: Figures, other: ParticipantName): number {
  const [ours, others] = [summaryOf(figures, 'ours'), summaryOf(figures, other)];
  return summarizeRatios(ours.rounds, others.rounds).median;
}

function medianOf(figures: Figures, participant: ParticipantName): number {
  return summaryOf(figures, participant).median;
}

function summaryOf(figures: Figures, participant: ParticipantName): Summary {
  const summary = figures[participant];
  if (!summary) throw new Error(`Expected a figure of "${participant}", got none`);
  return summary;
}
