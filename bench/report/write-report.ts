import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { chartsOf } from './charts.js';
import { toMarkdown } from './markdown.js';
import type { Report } from './report.js';

/** Writes `results.json`, `results.md` and the charts of a report into a folder. */
export async function writeReport(report: Report, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const charts = await chartsOf(report);
  await writeFormatted(join(folder, 'results.json'), JSON.stringify(report));
  await writeFormatted(join(folder, 'results.md'), toMarkdown(report, charts));
  for (const { name, svg } of charts) {
    await writeFile(join(folder, `${name}.svg`), `${svg}\n`);
  }
}

async function writeFormatted(file: string, text: string): Promise<void> {
  const options = await resolveConfig(file);
  await writeFile(file, await format(text, { ...options, filepath: file }));
}
