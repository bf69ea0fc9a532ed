import type { ParticipantName } from '../participants/participant.js';
import type { Figures, Series } from './result.js';
import { summarize } from './statistics.js';

/** The rounds of each participant, with one result for each point, turned into points of a series. */
export function pointsOf<Result>(
  xs: readonly number[],
  rounds: ReadonlyMap<ParticipantName, readonly (readonly Result[])[]>,
  pick: (result: Result) => number,
): Series['points'] {
  return xs.map((x, index) => {
    const figures = [...rounds].map(([participant, results]) => {
      const values = results.flatMap((points) => points.slice(index, index + 1).map(pick));
      return [participant, summarize(values)] as const;
    });
    return { x, figures: Object.fromEntries(figures) };
  });
}

/**
 * How the figures of a series grow from its first point to the last, for each participant, as the
 * exponent of a power: 0 is flat, 1 is linear.
 */
export function growthOf(points: Series['points']): Figures {
  const participants = Object.keys(points[0]?.figures ?? {}) as ParticipantName[];
  return Object.fromEntries(
    participants.map((participant) => {
      const steps = points.slice(1).map((point, index) => {
        const before = points[index] ?? point;
        return exponent(before, point, participant);
      });
      return [participant, summarize([Math.max(...steps)])];
    }),
  );
}

type Point = Series['points'][number];

function exponent(before: Point, after: Point, participant: ParticipantName): number {
  const median = ({ figures }: Point): number => figures[participant]?.median ?? Number.NaN;
  // Nothing at all is a point too.
  const growth = (after.x + 1) / (before.x + 1);
  return Math.log(median(after) / median(before)) / Math.log(growth);
}
