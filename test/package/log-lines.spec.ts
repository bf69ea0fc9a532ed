import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { logLineTemplates } from '../support/log-line-templates.js';

const PAGE = readFileSync('docs/reference/log-lines.md', 'utf8');
const ROW = /^\| (?<level>\w+) +\| `(?<text>[^`]+)` +\| (?<meaning>[^|]+)\| (?<action>[^|]+)\|$/gm;

const rows = [...PAGE.matchAll(ROW)].map(({ groups = {} }) => ({
  level: groups.level ?? '',
  text: (groups.text ?? '').replaceAll(/<\w+>/g, '<>'),
  cells: [groups.meaning ?? '', groups.action ?? ''],
}));

const { lines, unreadable } = logLineTemplates('src');

const keyOf = ({ level, text }: { level: string; text: string }): string => `${level}: ${text}`;

/** The reason of a failure is in the text of one line, and its own text in another. */
const covers = (row: string, line: string): boolean =>
  row === line || (line.endsWith('<>') && row.startsWith(line.slice(0, -2)));

describe('the log lines', () => {
  it('are literal text in the sources, next to their level', () => {
    expect(unreadable).toEqual([]);
    expect(lines.length).toBeGreaterThan(40);
    expect(lines.filter(({ level }) => !['log', 'warn', 'error'].includes(level))).toEqual([]);
  });

  it('each have a row in docs/reference/log-lines.md', () => {
    const documented = new Set(rows.map(keyOf));
    expect(lines.map(keyOf).filter((line) => !documented.has(line))).toEqual([]);
  });

  it('are all that docs/reference/log-lines.md has', () => {
    const written = lines.map(keyOf);
    const unknown = rows.map(keyOf).filter((row) => !written.some((line) => covers(row, line)));
    expect(unknown).toEqual([]);
  });

  it('have a meaning and an action, of at most 15 words each', () => {
    const long = rows
      .flatMap(({ cells }) => cells)
      .filter((it) => it.trim().split(/\s+/).length > 15);
    expect(long).toEqual([]);
    expect(rows.filter(({ cells }) => cells.some((it) => it.trim() === ''))).toEqual([]);
  });
});
