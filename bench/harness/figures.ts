import type { ParticipantName } from '../participants/participant.js';
import type { Figures, Row } from './result.js';
import { summarize, type Summary } from './statistics.js';
import type { Expectation } from './target.js';
import type { Usage } from './usage.js';

/** What each participant's rounds gave. */
export type Rounds<Result> = ReadonlyMap<ParticipantName, readonly Result[]>;

/** One number of each round, or several, for each participant. */
export function figuresOf<Name extends string, Result>(
  rounds: ReadonlyMap<Name, readonly Result[]>,
  pick: (result: Result) => number | readonly number[],
): Readonly<Partial<Record<Name, Summary>>> {
  return Object.fromEntries(
    [...rounds].map(([participant, results]) => [participant, summarize(results.flatMap(pick))]),
  ) as Partial<Record<Name, Summary>>;
}

/** A line of the table, held against what is expected. */
export function rowOf(
  name: string,
  unit: string,
  figures: Figures,
  expectations: readonly Expectation[] = [],
): Row {
  return { name, unit, figures, targets: expectations.map((expectation) => expectation(figures)) };
}

/** A line of CPU time per message, with the time that passed beside it. */
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
