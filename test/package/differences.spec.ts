import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { DIFFERENCES } from '../conformance/differences.js';

const PAGE = readFileSync('docs/guide/testing-faults.md', 'utf8');

/** The rows of a table, without the padding of its cells. */
const rows = PAGE.split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.replaceAll(/ +\|/g, ' |'));

it('the page on faults has a row for each difference that the suite of the faults knows', () => {
  const expected = Object.values(DIFFERENCES).map(
    ({ fault, memory, proxy, reason }) =>
      `| \`${fault}\` | ${memory.text} | ${proxy.text} | ${reason} |`,
  );
  expect(rows.filter((row) => row.split(' | ').length === 4)).toEqual(expected);
});
