import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { DIFFERENCES } from '../conformance/differences.js';
import { KNOWN_DIFFERENCES } from '../support/known-differences.js';

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

it('the page on testing has what the tests over memory leave out, and why', () => {
  const [, section = ''] = readFileSync('docs/guide/testing.md', 'utf8').split(
    '## What differs from Redis',
  );
  const [ours = ''] = section.split('\n## ');
  expect(ours.split('\n').filter((line) => line.startsWith('- '))).toEqual(
    KNOWN_DIFFERENCES.map(({ title, text }) => `- **${title}.** ${text}`),
  );
});
