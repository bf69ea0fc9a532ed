import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import * as api from '../../src/index.js';

const PAGE = readFileSync('docs/reference/errors.md', 'utf8');

const codesIn = (text: string): string[] => [
  ...new Set([...text.matchAll(/ERR_PUBSUB_[A-Z_]+/g)].map(([code]) => code)),
];

const codes = codesIn(readFileSync('src/errors.ts', 'utf8'));
const sections = PAGE.split(/^## /m).slice(1);
const sectionOf = (code: string): string => sections.find((it) => it.startsWith(`${code}\n`)) ?? '';

/** The lines of the text blocks of a page. */
const textLinesOf = (page: string): string[] =>
  [...page.matchAll(/^```text\n(?<lines>[^`]*(?:`[^`]+`[^`]*)*?)^```$/gm)].flatMap(
    ({ groups = {} }) => (groups.lines ?? '').split('\n').filter((line) => line !== ''),
  );

/** The texts with values of a source file, as expressions that take any value. */
function templatesIn(path: string): RegExp[] {
  const source = ts.createSourceFile(
    path,
    readFileSync(path, 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  );
  const templates: RegExp[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) templates.push(expressionOf([node.text]));
    if (ts.isTemplateExpression(node)) {
      const spans = node.templateSpans.map(({ literal }) => literal.text);
      templates.push(expressionOf([node.head.text, ...spans]));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return templates;
}

const MIN_LITERAL = 14;

/** Short texts would match everything. */
function expressionOf(literals: readonly string[]): RegExp {
  if (literals.join('').length < MIN_LITERAL) return /^$/;
  const parts = literals.map((text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join('.*')}$`, 's');
}

const templates = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .flatMap((path) => templatesIn(join('src', path)));

const isUnknown = (text: string): boolean => !templates.some((template) => template.test(text));

describe('the page of the errors', () => {
  it('has a section and a row for every code, and no other', () => {
    expect(codes).toHaveLength(12);
    const headings = sections
      .map((it) => it.split('\n')[0] ?? '')
      .filter((it) => it.startsWith('ERR_'));
    expect(headings).toEqual(codes.toSorted());
    const rows = [...PAGE.matchAll(/^\| \[`(?<code>ERR_\w+)`\]/gm)].map(
      ({ groups }) => groups?.code,
    );
    expect(rows).toEqual(codes.toSorted());
  });

  it('names every class', () => {
    const classes = Object.keys(api).filter((name) => name.endsWith('Error'));
    expect(classes.length).toBeGreaterThan(8);
    expect(classes.filter((name) => !PAGE.includes(`\`${name}\``))).toEqual([]);
  });

  it.each(codes)('says where %s comes from, what to do, and shows its text', (code) => {
    const section = sectionOf(code);
    expect(section).toContain('- **From:**');
    expect(section).toContain('- **Do:**');
    expect(section).toContain('```text');
  });

  it('shows texts that the sources have', () => {
    const examples = textLinesOf(PAGE);
    expect(examples.length).toBeGreaterThan(30);
    expect(examples.filter(isUnknown)).toEqual([]);
  });
});

describe('the page for troubleshooting', () => {
  it('shows lines that the sources have', () => {
    const page = readFileSync('docs/operations/troubleshooting.md', 'utf8');
    const classes = Object.keys(api).filter((name) => name.endsWith('Error'));
    const own = new RegExp(
      `^(?:[A-Z]+ \\[RedisPubSub\\w*\\]|(?:${classes.join('|')}):) (?<text>.*)$`,
    );
    const examples = textLinesOf(page).flatMap((line) => own.exec(line)?.groups?.text ?? []);
    expect(examples.length).toBeGreaterThan(5);
    expect(examples.filter(isUnknown)).toEqual([]);
  });
});
