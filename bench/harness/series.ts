import type { CandidateName } from '../candidates/candidate.js';
import type { Figures, Series } from './result.js';
import { summarize } from './statistics.js';

/** Converts the rounds of each candidate, which hold one result per point, into the points of a series. */
export function pointsOf<Result>(
  xs: readonly number[],
  rounds: ReadonlyMap<CandidateName, readonly (readonly Result[])[]>,
  pick: (result: Result) => number,
): Series['points'] {
  return xs.map((x, index) => {
    const figures = [...rounds].map(([candidate, results]) => {
      const values = results.flatMap((points) => points.slice(index, index + 1).map(pick));
      return [candidate, summarize(values)] as const;
    });
    return { x, figures: Object.fromEntries(figures) };
  });
}

/**
 * The steepest growth between two adjacent points of a series, for each candidate, as the exponent of
 * a power: 0 is flat, 1 is linear.
 */
export function steepestGrowthOf(points: Series['points']): Figures {
  const candidates = Object.keys(points[0]?.figures ?? {}) as CandidateName[];
  return Object.fromEntries(
    candidates.map((candidate) => {
      const steps = points.slice(1).map((point, index) => {
        const before = points[index] ?? point;
        return exponent(before, point, candidate);
      });
      return [candidate, summarize([Math.max(...steps)])];
    }),
  );
}

type Point = Series['points'][number];

function exponent(before: Point, after: Point, candidate: CandidateName): number {
  const median = ({ figures }: Point): number => figures[candidate]?.median ?? Number.NaN;
  // One is added because a series can begin at 0.
  const growth = (after.x + 1) / (before.x + 1);
  return Math.log(median(after) / median(before)) / Math.log(growth);
}
