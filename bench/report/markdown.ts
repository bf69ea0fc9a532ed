import type { Environment } from '../harness/environment.js';
import type { Chart } from './charts.js';
import { mainTable, seriesTable, wallTable } from './tables.js';
import type { Report } from './report.js';

/** The whole report for people, with the charts that lie beside it. */
export function toMarkdown(report: Report, charts: readonly Chart[] = []): string {
  const wall = wallTable(report);
  return [
    '# Results',
    environmentOf(report.environment),
    ...(report.isQuick ? ['**A quick run: its counts are too small to say anything.**'] : []),
    'Each figure is the median of its rounds, with the lowest and the highest in brackets.',
    mainTable(report),
    ...notesOf(report),
    ...charts.map(({ name, title }) => `![${title}](${name}.svg)`),
    ...(wall ? ['## Time that passed, in µs per message', wall] : []),
    ...report.measures.flatMap(({ series }) =>
      series ? [`## ${series.title}, in ${series.unit}`, seriesTable(series)] : [],
    ),
  ].join('\n\n');
}

function environmentOf({ date, cpu, cores, load, memory, versions }: Environment): string {
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `${date.slice(0, 10)}, ${cpu}, ${cores} cores, load average ${load.toFixed(1)}, ${memory} GB.`,
    `${names.join(' · ')}.`,
  ].join('\n');
}

function notesOf({ measures }: Report): string[] {
  const notes = measures.flatMap((measure) => measure.notes ?? []);
  return notes.length === 0 ? [] : [notes.map((note) => `- ${note}`).join('\n')];
}
