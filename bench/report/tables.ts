import { markdownTable } from 'markdown-table';
import type { Figures, Row, Series } from '../harness/result.js';
import type { Summary } from '../harness/statistics.js';
import { formatNumber } from './number.js';
import { CANDIDATES } from './candidates.js';
import type { Report } from './report.js';

const NUMBERS: readonly 'r'[] = CANDIDATES.map(() => 'r');

/** The table of all figures and their targets. */
export function mainTable({ measures }: Report): string {
  const rows = measures.flatMap((measure) => measure.rows);
  return markdownTable(
    [
      ['measure', 'unit', ...CANDIDATES, 'target', 'reached', 'met'],
      ...rows.map((row) => [row.name, row.unit, ...cells(row.figures), ...targetCells(row)]),
    ],
    { align: ['l', 'l', ...NUMBERS, 'l', 'l', 'l'], stringLength: (text) => text.length },
  );
}

/** The table of wall time per message; `undefined` if no row has it. */
export function wallTable({ measures }: Report): string | undefined {
  const rows = measures.flatMap((measure) => measure.rows).filter((row) => row.wall);
  if (rows.length === 0) return undefined;
  return markdownTable(
    [['measure', ...CANDIDATES], ...rows.map((row) => [row.name, ...cells(row.wall ?? {})])],
    { align: ['l', ...NUMBERS] },
  );
}

/** The table of the points of a series. */
export function seriesTable({ xTitle, points }: Series): string {
  const shown = CANDIDATES.filter((name) => points.some(({ figures }) => figures[name]));
  return markdownTable(
    [
      [xTitle, ...shown],
      ...points.map(({ x, figures }) => [x.toLocaleString('en'), ...cells(figures, shown)]),
    ],
    { align: ['r', ...shown.map(() => 'r')] },
  );
}

function cells(figures: Figures, candidates = CANDIDATES): string[] {
  return candidates.map((candidate) => {
    const summary = figures[candidate];
    return summary ? cell(summary) : '';
  });
}

function cell({ median, min, max, rounds }: Summary): string {
  if (rounds.length === 1 || min === max) return formatNumber(median);
  return `${formatNumber(median)} (${formatNumber(min)}–${formatNumber(max)})`;
}

function targetCells({ targets }: Row): string[] {
  const lines = (read: (target: Row['targets'][number]) => string): string =>
    targets.map(read).join('; ');
  return [
    lines(({ text }) => text),
    lines(({ actual }) => formatNumber(actual)),
    lines(({ isMet }) => (isMet ? '✓' : '✗')),
  ];
}
