import type { Environment } from '../harness/environment.js';
import type { Chart } from './charts.js';
import { mainTable, seriesTable, wallTable } from './tables.js';
import type { Report } from './report.js';

/** The report as Markdown, with links to the charts in the same folder. */
export function toMarkdown(report: Report, charts: readonly Chart[] = []): string {
  const wall = wallTable(report);
  return [
    '# Results',
    environmentOf(report.environment),
    ...(report.isQuick
      ? ['**This was a quick run: its counts are too small for meaningful figures.**']
      : []),
    'Each figure is the median of its rounds, with the lowest and the highest value in brackets.',
    mainTable(report),
    ...notesOf(report),
    ...charts.map(({ name, title }) => `![${title}](${name}.svg)`),
    ...(wall ? ['## Wall time, in µs per message', wall] : []),
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
