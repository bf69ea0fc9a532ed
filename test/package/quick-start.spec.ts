import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NEST_COMPILER_OPTIONS } from '../support/compile-blocks.js';
import { codeBlocksOf, NEST_NEW_FILES, readPage } from '../support/pages.js';

const { peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  peerDependencies: Record<string, string>;
};

/** The text of a file that a page shows. */
const codeOf = (page: string, file: string): string =>
  codeBlocksOf(readPage(page)).find((block) => block.file === file)?.code ?? '';

/** The files of the quick start and of the test set-up, by their paths. */
const files = new Map([
  ['src/users.module.ts', codeOf('README.md', 'src/users.module.ts')],
  ['src/app.module.ts', codeOf('docs/guide/getting-started.md', 'src/app.module.ts')],
  ['src/users.spec.ts', codeOf('docs/guide/testing.md', 'src/users.spec.ts')],
]);

/** The lowest versions that a range of a peer allows, one of each major version. */
const lowestVersions = (peer: string): string[] =>
  [...(peerDependencies[peer] ?? '').matchAll(/\d[\d.]*/g)].map(([version]) => version);

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quick-start-'));
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Writes an application with the files of the README, each changed by `change`. */
function write(
  name: string,
  type: 'module' | 'commonjs',
  change: (code: string) => string = (code) => code,
): void {
  mkdirSync(join(folder, name, 'src'), { recursive: true });
  writeFileSync(join(folder, name, 'package.json'), JSON.stringify({ type }));
  for (const [file, code] of [...Object.entries(NEST_NEW_FILES), ...files]) {
    writeFileSync(join(folder, name, file), change(code));
  }
}

/** Compiles all applications in one go, since the compiler takes seconds; returns what it reports. */
function compile(): string {
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: NEST_COMPILER_OPTIONS, include: ['*/src'] }),
  );
  try {
    const tsc = ['node_modules/typescript/bin/tsc', '-p', folder];
    return execFileSync('node', tsc, { encoding: 'utf8' });
  } catch (error) {
    return String((error as { stdout: unknown }).stdout);
  }
}

describe('the quick start of the documentation', () => {
  it('has the files that it needs, the same in the README and in the guide', () => {
    expect([...files.values()]).not.toContain('');
    expect(codeOf('docs/guide/getting-started.md', 'src/users.module.ts')).toBe(
      files.get('src/users.module.ts'),
    );
  });

  it('compiles with ES modules, and with CommonJS where the imports have no ".js"', () => {
    write('nest-12', 'module');
    write('nest-11', 'commonjs', (code) => code.replaceAll(/(from '\.\/.*)\.js/g, '$1'));
    write('wrong', 'module', (code) => code.replace('events.emit(', 'events.wrong('));
    // The third shows that the compiler finds an error.
    expect(compile().match(/\S+(?=\(\d+,\d+\): error)/g)).toEqual([
      expect.stringMatching(/wrong\/src\/users\.module\.ts$/),
    ]);
  }, 120_000);
});

describe.each(['README.md', 'docs/guide/getting-started.md'])(
  'the install section of %s',
  (path) => {
    const [, section = ''] = /^## Install\n(.*?)^## /ms.exec(readPage(path).text) ?? [];

    it('has a line for each version of Nest, and no other', () => {
      const lines = [...section.matchAll(/^npm install (.*) # Nest (\d+)$/gm)];
      const majors = lowestVersions('@nestjs/core').map((version) => version.split('.')[0]);
      expect(lines.map(([, , major]) => major).toSorted()).toEqual(majors.toSorted());
      for (const [, names, major] of lines) {
        expect(names).toContain(`nestjs-redis-pubsub @nestjs/microservices@${major} ioredis`);
      }
    });

    it('names the lowest versions of Nest and ioredis that are no current major version', () => {
      const lowest = ['@nestjs/core', 'ioredis'].flatMap((peer) => lowestVersions(peer)[0] ?? []);
      expect(lowest.filter((version) => !section.includes(version))).toEqual([]);
    });
  },
);
