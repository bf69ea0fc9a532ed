import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Code, Root } from 'mdast';
import remarkFrontmatter from 'remark-frontmatter';
import remarkGfm from 'remark-gfm';
import remarkParse from 'remark-parse';
import { unified } from 'unified';
import { visit } from 'unist-util-visit';

/** A Markdown file of the documentation. */
export interface Page {
  /** Its path from the root of the repository, such as `docs/guide/handlers.md`. */
  readonly path: string;
  readonly text: string;
  readonly tree: Root;
}

/** A TypeScript block of a page. */
export interface CodeBlock {
  readonly page: string;
  /** The line of the page that its code begins at, from 1. */
  readonly line: number;
  readonly code: string;
  /** The path that its first line names, such as `src/app.module.ts`; `undefined` for a fragment. */
  readonly file: string | undefined;
  /** Declarations that the page gives for its fragments. */
  readonly given: string;
  /** Whether it needs Nest 12. */
  readonly isNest12: boolean;
}

const FILES = [
  'README.md',
  'CHANGELOG.md',
  'CODE_OF_CONDUCT.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'bench/README.md',
];
const FOLDERS = ['docs', 'sample'];

const parser = unified().use(remarkParse).use(remarkGfm).use(remarkFrontmatter);

/** What `nest new` makes, as far as files of the documentation import it. */
export const NEST_NEW_FILES = {
  'src/app.controller.ts': 'export class AppController {}',
  'src/app.service.ts': 'export class AppService {}',
};

/** Reads one page by its path. */
export function readPage(path: string): Page {
  const text = readFileSync(path, 'utf8');
  return { path, text, tree: parser.parse(text) };
}

const GENERATED = join('docs', 'api');
const HIDDEN = join('docs', '.vitepress');

/** Reads all pages that are written by hand; `DOCS` in the environment keeps those whose path contains it. */
export function readPages(): Page[] {
  const only = process.env.DOCS ?? '';
  const inFolders = FOLDERS.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)),
  );
  return [...FILES.filter((path) => existsSync(path)), ...inFolders]
    .filter((path) => path.endsWith('.md'))
    .filter((path) => ![GENERATED, HIDDEN].some((folder) => path.startsWith(folder)))
    .filter((path) => path.includes(only))
    .toSorted()
    .map((path) => readPage(path));
}

/** Reads the pages of the API reference, if `npm run docs:api` has generated them. */
export function readApiPages(): Page[] {
  if (!existsSync(GENERATED)) return [];
  return readdirSync(GENERATED, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => readPage(join(GENERATED, path)));
}

const FILE = /^\/\/ (?<file>[\w./-]+\.ts)$/m;
const GIVEN = /^<!-- given\n(?<given>.*?)-->$/s;

function codeBlock(page: string, given: string, { meta, value, position }: Code): CodeBlock {
  const [firstLine = ''] = value.split('\n');
  return {
    page,
    line: (position?.start.line ?? 0) + 1,
    code: value,
    file: FILE.exec(firstLine)?.groups?.file,
    given,
    isNest12: meta?.includes('nest-12') ?? false,
  };
}

/** The TypeScript blocks of a page, in their order. */
export function codeBlocksOf({ path, tree }: Page): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let given = '';
  visit(tree, (node) => {
    if (node.type === 'html') {
      given += GIVEN.exec(node.value)?.groups?.given ?? '';
      blocks.push(...usedBlocks(path, node.value));
    }
    if (node.type === 'code' && node.lang === 'ts') blocks.push(codeBlock(path, given, node));
  });
  return blocks;
}

const USES = /^<!-- uses (?<file>\S+) of (?<from>\S+) -->$/;

/** The file of another page that a comment names, as if this page showed it. */
function usedBlocks(page: string, comment: string): CodeBlock[] {
  const { file, from } = USES.exec(comment)?.groups ?? {};
  if (file === undefined || from === undefined) return [];
  const found = codeBlocksOf(readPage(from)).find((block) => block.file === file);
  if (!found) throw new Error(`Expected ${file} on the page ${from}, which ${page} uses`);
  return [{ ...found, page }];
}

/** The files that a page shows, by their paths. A test without a file goes into the `describe` of the file before it. */
export function filesOf(page: Page): Map<string, string> {
  const files = new Map<string, string>();
  let last = '';
  for (const { file, code } of codeBlocksOf(page)) {
    if (file !== undefined) {
      files.set((last = file), code);
    } else if (/^(?:it|afterEach)\(/.test(code)) {
      files.set(last, (files.get(last) ?? '').replace(/\}\);\s*$/, `\n${code}\n});\n`));
    }
  }
  return files;
}

/** Without one of their own, the files would be compiled without decorators. */
const PAGE_TSCONFIG = { extends: resolve('tsconfig.json'), include: ['.'] };

/** The files of the application that a page shows. */
export interface PageApplication {
  /** The folder that has the files. */
  readonly folder: string;
  /** Imports one of its files, such as `src/app.module.ts`. */
  import<Module = Record<string, unknown>>(file: string): Promise<Module>;
}

/**
 * Writes the files that a page shows below `test-results/docs`, so that a test can import and run them.
 *
 * @param name - the page below `docs` without its ending, such as `recipes/chat`
 * @param change - changes the text of each file, such as the address of Redis
 */
export function loadPage(
  name: string,
  change: (code: string) => string = (code) => code,
): PageApplication {
  const folder = resolve('test-results/docs', name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(PAGE_TSCONFIG));
  for (const [file, code] of filesOf(readPage(`docs/${name}.md`))) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), change(code));
  }
  return {
    folder,
    import: async <Module>(file: string) =>
      (await import(/* @vite-ignore */ join(folder, file))) as Module,
  };
}
