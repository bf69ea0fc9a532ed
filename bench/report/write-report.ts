import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { toMarkdown } from './markdown.js';
import type { Report } from './report.js';

/** Writes a report into a folder: `results.json` and `results.md`. */
export async function writeReport(report: Report, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFormatted(join(folder, 'results.json'), JSON.stringify(report));
  await writeFormatted(join(folder, 'results.md'), toMarkdown(report));
}

async function writeFormatted(file: string, text: string): Promise<void> {
  const options = await resolveConfig(file);
  await writeFile(file, await format(text, { ...options, filepath: file }));
}
