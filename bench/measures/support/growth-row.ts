import { rowOf } from '../../harness/figures.js';
import type { Row, Series } from '../../harness/result.js';
import { steepestGrowthOf } from '../../harness/series.js';
import { atMost } from '../../harness/target.js';

/** Linear growth, plus a tolerance for the noise of a shared machine. */
export const LINEAR = 1.1;

/** A row of the steepest growth of the cost of a message; the target is linear growth. */
export function growthRow(name: string, points: Series['points']): Row {
  const unit = 'steepest growth (0: flat, 1: linear)';
  return rowOf(name, unit, steepestGrowthOf(points), [atMost(LINEAR, '')]);
}
