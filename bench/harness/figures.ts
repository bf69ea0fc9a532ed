import type { CandidateName } from '../candidates/candidate.js';
import type { Figures, Row } from './result.js';
import { summarize, type Summary } from './statistics.js';
import type { Expectation } from './target.js';
import type { Usage } from './usage.js';

/** The results of each candidate, one per round. */
export type Rounds<Result> = ReadonlyMap<CandidateName, readonly Result[]>;

/** Summarizes one or more numbers of each round, for each candidate. */
export function figuresOf<Name extends string, Result>(
  rounds: ReadonlyMap<Name, readonly Result[]>,
  pick: (result: Result) => number | readonly number[],
): Readonly<Partial<Record<Name, Summary>>> {
  return Object.fromEntries(
    [...rounds].map(([candidate, results]) => [candidate, summarize(results.flatMap(pick))]),
  ) as Partial<Record<Name, Summary>>;
}

/** A table row with its figures checked against the targets. */
export function rowOf(
  name: string,
  unit: string,
  figures: Figures,
  expectations: readonly Expectation[] = [],
): Row {
  return { name, unit, figures, targets: expectations.map((expectation) => expectation(figures)) };
}

/** A table row of CPU time per message, with the wall time next to it. */
export function usageRow<Result>(
  name: string,
  rounds: Rounds<Result>,
  pick: (result: Result) => Usage,
  expectations: readonly Expectation[],
): Row {
  const figures = figuresOf(rounds, (result) => pick(result).cpu);
  const wall = figuresOf(rounds, (result) => pick(result).wall);
  return { ...rowOf(name, 'µs of CPU per message', figures, expectations), wall };
}
