import type { TopLevelSpec } from 'vega-lite';
import type { Series } from '../harness/result.js';
import { APPEARANCES, CANDIDATES } from './candidates.js';
import { legendAbove } from './svg.js';

const WIDTH = 660;
const HEIGHT = 320;
const LABELS = 70;

/** A line chart of a series: medians as lines, the range of the rounds as a band. */
export function lineChart({ title, unit, xTitle, isLogarithmic, points }: Series): TopLevelSpec {
  const shown = CANDIDATES.filter((name) => points.some(({ figures }) => figures[name]));
  const labels = shown.map((name) => APPEARANCES[name].label);
  const colors = shown.map((name) => APPEARANCES[name].color);
  const values = points.flatMap(({ x, figures }) =>
    shown.flatMap((name) => {
      const summary = figures[name];
      if (!summary) return [];
      const { median, min, max } = summary;
      return [{ x, candidate: APPEARANCES[name].label, median, min, max }];
    }),
  );
  const y = {
    type: 'quantitative',
    title: unit,
    axis: { format: ',~f', minExtent: LABELS, tickCount: 6 },
    scale: { type: isLogarithmic ? 'log' : 'linear' },
  } as const;
  const xs = points.map(({ x }) => x);
  return {
    title,
    width: WIDTH,
    height: HEIGHT,
    data: { values },
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        title: xTitle,
        // A logarithmic scale cannot show the zero that some series begin with.
        scale: xs.includes(0)
          ? { type: 'symlog', constant: 10, nice: false }
          : { type: 'log', nice: false },
        axis: { values: xs, format: ',d', grid: false },
      },
      color: {
        field: 'candidate',
        type: 'nominal',
        sort: labels,
        scale: { domain: labels, range: colors },
        legend: legendAbove(LABELS),
      },
    },
    layer: [
      {
        mark: { type: 'area', opacity: 0.12 },
        encoding: { y: { ...y, field: 'min' }, y2: { field: 'max' } },
      },
      {
        mark: { type: 'line', strokeWidth: 2.5, point: { size: 60, filled: true } },
        encoding: { y: { ...y, field: 'median' } },
      },
    ],
  };
}
