import type { CandidateName } from '../candidates/candidate.js';
import type { Figures, Target } from './result.js';
import { summarizeRatios, type Summary } from './statistics.js';

/** Checks figures against a target. */
export type Expectation = (figures: Figures) => Target;

/** Our figure must be at most `factor` times the figure of another candidate. */
export function atMostTimes(factor: number, other: CandidateName): Expectation {
  return (figures) => {
    const actual = ratio(figures, other);
    return { text: `≤ ${factor} × ${other}`, actual, isMet: actual <= factor };
  };
}

/** Our figure must be at least `factor` times the figure of another candidate. */
export function atLeastTimes(factor: number, other: CandidateName): Expectation {
  return (figures) => {
    const actual = ratio(figures, other);
    return { text: `≥ ${factor} × ${other}`, actual, isMet: actual >= factor };
  };
}

/** Our figure must be at most `limit`. */
export function atMost(limit: number, unit: string): Expectation {
  return (figures) => {
    const actual = medianOf(figures, 'ours');
    return { text: `≤ ${limit} ${unit}`, actual, isMet: actual <= limit };
  };
}

/** Our figure must be at least `limit`. */
export function atLeast(limit: number, unit: string): Expectation {
  return (figures) => {
    const actual = medianOf(figures, 'ours');
    return { text: `≥ ${limit} ${unit}`, actual, isMet: actual >= limit };
  };
}

/** Our figure must equal `expected` in every round. */
export function exactly(expected: number): Expectation {
  return (figures) => ({
    text: `= ${expected}`,
    actual: medianOf(figures, 'ours'),
    isMet: figures.ours?.rounds.every((value) => value === expected) ?? false,
  });
}

/** The median of the ratios within the rounds. Figures of one round were measured at the same load. */
function ratio(figures: Figures, other: CandidateName): number {
  const [ours, others] = [summaryOf(figures, 'ours'), summaryOf(figures, other)];
  return summarizeRatios(ours.rounds, others.rounds).median;
}

function medianOf(figures: Figures, candidate: CandidateName): number {
  return summaryOf(figures, candidate).median;
}

function summaryOf(figures: Figures, candidate: CandidateName): Summary {
  const summary = figures[candidate];
  if (!summary) throw new Error(`Expected a figure of "${candidate}", got none`);
  return summary;
}
