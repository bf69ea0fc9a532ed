import type { TopLevelSpec } from 'vega-lite';
import type { BarChartName, Row } from '../harness/result.js';
import { formatNumber } from './number.js';
import { APPEARANCES, CANDIDATES } from './candidates.js';
import { legendAbove } from './svg.js';

const WIDTH = 540;
const LABELS = 200;
const BAR = 20;
const GAP = 18;
/** Leaves space for the number after the longest bar. */
const HEADROOM = 1.1;

interface Datum {
  readonly label: string;
  readonly candidate: string;
  readonly value: number;
  readonly text: string;
}

/** The title and the unit of a bar chart. */
export interface BarChartTitles {
  readonly title: string;
  readonly unit: string;
}

/** The titles of all bar charts. */
export const BAR_CHARTS: Readonly<Record<BarChartName, BarChartTitles>> = {
  'cpu-60-b': { title: 'CPU per message of 60 bytes', unit: 'µs, less is better' },
  'cpu-1-kb': { title: 'CPU per message of 1 KB', unit: 'µs, less is better' },
  'cpu-16-kb': { title: 'CPU per message of 16 KB', unit: 'µs, less is better' },
  requests: { title: 'Request-response', unit: 'round trips per second, more is better' },
  latency: { title: 'Latency', unit: 'µs, less is better' },
  'memory-per-channel': {
    title: 'Memory per channel observed, at 500,000 of them',
    unit: 'bytes, less is better',
  },
  cluster: {
    title: 'CPU of a Cluster of three masters per message',
    unit: 'µs of all nodes, less is better',
  },
};

/** A chart of medians with a group of bars for each row. */
export function barChart({ title, unit }: BarChartTitles, rows: readonly Row[]): TopLevelSpec {
  const values = rows.flatMap(dataOf);
  const shown = CANDIDATES.filter((name) => rows.some(({ figures }) => figures[name]));
  const labels = shown.map((name) => APPEARANCES[name].label);
  const colors = shown.map((name) => APPEARANCES[name].color);
  const limit = Math.max(...values.map(({ value }) => value)) * HEADROOM;
  return {
    title,
    width: WIDTH,
    height: rows.length * (shown.length * BAR + GAP),
    data: { values },
    encoding: {
      y: {
        field: 'label',
        type: 'nominal',
        sort: null,
        title: null,
        axis: { grid: false, labelAlign: 'left', labelLimit: 0, labelPadding: LABELS },
        scale: { paddingInner: 0.18, paddingOuter: 0.05 },
      },
      yOffset: { field: 'candidate', sort: labels, scale: { paddingInner: 0.1 } },
      x: {
        field: 'value',
        type: 'quantitative',
        title: unit,
        axis: { format: ',~f', tickCount: 6 },
        scale: { domain: [0, limit], nice: false },
      },
    },
    layer: [
      {
        mark: { type: 'bar', cornerRadiusEnd: 3 },
        encoding: {
          color: {
            field: 'candidate',
            sort: labels,
            scale: { domain: labels, range: colors },
            legend: legendAbove(LABELS),
          },
        },
      },
      {
        mark: { type: 'text', align: 'left', dx: 5, fontSize: 12, color: '#334155' },
        encoding: { text: { field: 'text' } },
      },
    ],
  };
}

function dataOf({ bar, figures }: Row): Datum[] {
  return CANDIDATES.flatMap((name) => {
    const value = figures[name]?.median;
    if (value === undefined || !bar) return [];
    const { label: candidate } = APPEARANCES[name];
    return [{ label: bar.label, candidate, value, text: formatNumber(value) }];
  });
}
