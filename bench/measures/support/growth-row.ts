import { rowOf } from '../../harness/figures.js';
import type { Row, Series } from '../../harness/result.js';
import { growthOf } from '../../harness/series.js';
import { atMost } from '../../harness/target.js';

/** Linear, and what a shared machine may add to that. */
export const LINEAR = 1.1;

/** How the cost of a message grows at its steepest: never worse than linear. */
export function growthRow(name: string, points: Series['points']): Row {
  const unit = 'steepest growth (0: flat, 1: linear)';
  return rowOf(name, unit, growthOf(points), [atMost(LINEAR, '')]);
}
