import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BANNED_WORDS } from '../support/words.js';

const TABLE_LINES = readFileSync('docs/reference/glossary.md', 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('|'));

const CODE_TERMS = [
  ...new Set(
    TABLE_LINES.flatMap((line) => [...line.matchAll(/`([^`]+)`/g)].map(([, it]) => it ?? '')),
  ),
];

const PATH = /^[\w-]+\/[\w./-]+$|^[\w-]+\.ts$/;
const NAME = /^[A-Za-z_]\w*(#\w+)?$/;

/** The text of each TypeScript file and each script of a page below a folder, by its path. */
function sourcesIn(folder: string): Map<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => join(folder, path))
    .filter((path) => /\.[jt]s$/.test(path) && !/[/\\](?:dist|results)[/\\]/.test(path))
    .filter((path) => !path.endsWith('words.ts'));
  return new Map(paths.map((path) => [path, readFileSync(path, 'utf8')]));
}

/** The text without line breaks and comment stars, so that a phrase is found across lines. */
function inOneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*(?:\*(?!\/)|\/\/)?\s*/g, ' ');
}

describe('the glossary', () => {
  const code = [...sourcesIn('src'), ...sourcesIn('bench'), ...sourcesIn('test')]
    .map(([, text]) => text)
    .join('\n');

  it('has code terms', () => {
    expect(CODE_TERMS.length).toBeGreaterThan(50);
  });

  it.each(CODE_TERMS.filter((term) => PATH.test(term)))('names a path that exists: %s', (path) => {
    expect(existsSync(path) || existsSync(join('src', path))).toBe(true);
  });

  it.each(
    CODE_TERMS.filter((term) => !PATH.test(term) && NAME.test(term)).flatMap((it) => it.split('#')),
  )('uses a name of the code: %s', (name) => {
    const declaration = /^[A-Z][a-z]/.test(name)
      ? `(?:class|interface|type|function|const) ${name}\\b`
      : `\\b${name}\\b`;
    expect(new RegExp(declaration).test(code)).toBe(true);
  });
});

describe.each(['src', 'sample', 'bench'])('the text of %s', (folder) => {
  it('has no banned word', () => {
    const found = [...sourcesIn(folder)].flatMap(([path, text]) =>
      [...inOneLine(text).matchAll(BANNED_WORDS)].map(([word]) => `${path}: ${word}`),
    );
    expect(found).toEqual([]);
  });
});
