import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import GithubSlugger from 'github-slugger';
import type {
  Heading,
  Link,
  Node,
  Paragraph,
  Parent,
  PhrasingContent,
  Root,
  TableCell,
} from 'mdast';
import { toString } from 'mdast-util-to-string';
import { visit } from 'unist-util-visit';
import { describe, expect, it } from 'vitest';
import { readApiPages, readPage, readPages, type Page } from '../support/pages.js';
import { BANNED_WORDS, sentencesOf, wordsIn } from '../support/words.js';

const WORDS_OF_A_SENTENCE = 25;
const WORDS_OF_A_CELL = 15;

const pages = readPages();
/** The reference has the text of the docstrings. */
const prosePages = [...pages, ...readApiPages()];
const inDocs = pages.filter(({ path }) => path.startsWith('docs/'));

const lineOf = ({ position }: Node): number => position?.start.line ?? 0;

/** The text of a paragraph or a cell, in which a piece of code is one word. */
function proseOf(node: Paragraph | TableCell | Parent): string {
  return (node.children as PhrasingContent[])
    .map((child) => {
      if (child.type === 'inlineCode') return 'Code';
      if (child.type === 'break') return ' ';
      return 'children' in child ? proseOf(child) : toString(child);
    })
    .join('')
    .replaceAll(/^:::.*$/gm, '')
    .replaceAll('\n', ' ');
}

interface Prose {
  readonly where: string;
  readonly text: string;
  readonly isCell: boolean;
}

function proseIn({ path, tree }: Page): Prose[] {
  const found: Prose[] = [];
  visit(tree, (node) => {
    if (node.type !== 'paragraph' && node.type !== 'tableCell') return;
    const where = `${path}:${lineOf(node)}`;
    found.push({ where, text: proseOf(node), isCell: node.type === 'tableCell' });
  });
  return found;
}

function longProse(prose: Prose[]): string[] {
  return prose.flatMap(({ where, text, isCell }) => {
    if (isCell) return wordsIn(text) > WORDS_OF_A_CELL ? [`${where}: ${text}`] : [];
    return sentencesOf(text)
      .filter((sentence) => wordsIn(sentence) > WORDS_OF_A_SENTENCE)
      .map((sentence) => `${where}: ${sentence}`);
  });
}

function headingsOf(tree: Root): string[] {
  const headings: string[] = [];
  visit(tree, 'heading', (node: Heading) => void headings.push(toString(node)));
  return headings;
}

const anchors = new Map<string, Set<string>>();

/** The anchors of a page, as GitHub and the site make them. */
function anchorsOf(path: string): Set<string> {
  const known = anchors.get(path);
  if (known !== undefined) return known;
  const slugger = new GithubSlugger();
  const found = headingsOf(readPage(path).tree).map((heading) => slugger.slug(heading));
  anchors.set(path, new Set(found));
  return anchorsOf(path);
}

function isDead(path: string, url: string): boolean {
  const [file = '', anchor = ''] = url.split('#');
  const target = file === '' ? path : join(dirname(path), file);
  // The site has the API reference, which is generated.
  if (target.startsWith('docs/api/')) return false;
  return !existsSync(target) || (anchor !== '' && !anchorsOf(target).has(anchor));
}

/** Links of a page to files and headings that are not there. */
function deadLinksOf({ path, tree }: Page): string[] {
  const dead: string[] = [];
  visit(tree, 'link', (link: Link) => {
    const isInside = !/^[a-z]+:/.test(link.url);
    if (isInside && isDead(path, link.url)) dead.push(`${path}:${lineOf(link)}: ${link.url}`);
  });
  return dead;
}

const ofWords = (words: number): string => `${'Word '.repeat(words).trim()}.`;
const prose = (text: string, isCell = false): Prose => ({ where: 'a', text, isCell });

describe('the language of the documentation', () => {
  it(`has sentences of at most ${WORDS_OF_A_SENTENCE} words, and cells of at most ${WORDS_OF_A_CELL}`, () => {
    expect(longProse(prosePages.flatMap(proseIn))).toEqual([]);
  });

  it('has no word that the glossary replaces', () => {
    const found = prosePages
      .flatMap(proseIn)
      .flatMap(({ where, text }) =>
        [...text.matchAll(BANNED_WORDS)].map(([it]) => `${where}: ${it}`),
      );
    expect(found).toEqual([]);
  });

  it('is measured: code is one word, and a longer sentence is found', () => {
    expect(longProse([prose(`${ofWords(25)} ${ofWords(26)}`)])).toEqual([`a: ${ofWords(26)}`]);
    expect(longProse([prose(ofWords(15), true), prose(ofWords(16), true)])).toHaveLength(1);
  });
});

describe('the pages of the documentation', () => {
  const tasks = inDocs.filter(({ path }) =>
    /^docs\/(?:guide|operations|recipes)\/(?!index)/.test(path),
  );

  it.each(tasks)('$path says when to use it, and what to read next', ({ tree }) => {
    const firstParagraph = tree.children.find(({ type }) => type === 'paragraph');
    expect(firstParagraph && toString(firstParagraph)).toMatch(/^Use this when /);
    expect(headingsOf(tree).at(-1)).toBe('See also');
  });

  it('have one title each', () => {
    const titles = inDocs.map(({ path, tree }) => [
      path,
      tree.children.filter((node) => node.type === 'heading' && node.depth === 1).length,
    ]);
    expect(titles.filter(([path, count]) => count !== 1 && path !== 'docs/index.md')).toEqual([]);
  });

  it('link to files and headings that are there', () => {
    expect(pages.flatMap(deadLinksOf)).toEqual([]);
  });

  it.skipIf(process.env.DOCS !== undefined)(
    'are all in the sidebar, and the sidebar has no other',
    () => {
      const config = readFileSync('docs/.vitepress/config.ts', 'utf8');
      const listed = [...config.matchAll(/page\('[^']+', '\/([^']+)'\)/g)]
        .map(([, link = '']) => (link.endsWith('/') ? `${link}index.md` : `${link}.md`))
        .filter((path) => !path.startsWith('api/'));
      const written = inDocs.map(({ path }) => relative('docs', path));
      expect(written.filter((path) => path !== 'index.md').toSorted()).toEqual(listed.toSorted());
    },
  );
});
