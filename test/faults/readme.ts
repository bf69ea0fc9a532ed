import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';

const BEGIN = '<!-- table: begin -->';
const END = '<!-- table: end -->';

/** Writes a report between the markers of the README of this folder. */
export async function writeReadme(report: string): Promise<void> {
  const path = fileURLToPath(new URL('README.md', import.meta.url));
  const text = await readFile(path, 'utf8');
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) {
    throw new Error(`Expected "${BEGIN}" and then "${END}" in ${path}`);
  }
  const parts = [text.slice(0, begin), `${BEGIN}\n\n${report}\n`, text.slice(end)];
  const formatted = await format(parts.join(''), {
    ...(await resolveConfig(path)),
    parser: 'markdown',
  });
  await writeFile(path, formatted);
}
