import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const SCRIPT = 'sample/support/build.mjs';
const folder = mkdtempSync(join(tmpdir(), 'build-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A package with one module, and a sample with two modules and two assets. */
beforeAll(() => {
  mkdirSync(join(folder, 'sample/support'), { recursive: true });
  cpSync(SCRIPT, join(folder, SCRIPT));
  linkTools();
  const compilerOptions = {
    incremental: true,
    tsBuildInfoFile: '../dist-sample/.tsbuildinfo',
    rootDir: '.',
    outDir: '../dist-sample',
    types: [],
    lib: ['ES2023'],
  };
  write('package.json', '{ "type": "module" }');
  write('index.js', 'export const one = 1;');
  write('rolldown.config.ts', "export default { input: 'index.js', logLevel: 'silent' };");
  write('sample/tsconfig.json', JSON.stringify({ compilerOptions, include: ['.'] }));
  for (const name of ['kept', 'gone']) {
    write(`sample/${name}.ts`, `export const ${name} = 1;`);
    write(`sample/${name}.css`, '');
  }
});

const TOOLS = join(folder, 'node_modules');
const linkTools = (): void => symlinkSync(join(process.cwd(), 'node_modules'), TOOLS);

const write = (file: string, text: string): void => writeFileSync(join(folder, file), text);

const build = (): void =>
  void execFileSync(process.execPath, [SCRIPT], { cwd: folder, stdio: 'pipe' });

const built = (): string[] =>
  readdirSync(join(folder, 'dist-sample'), { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== '.built')
    .map(({ name }) => name)
    .toSorted();

const builtAt = (): number => statSync(join(folder, 'dist-sample/kept.js')).mtimeMs;

const textOf = (file: string): string => readFileSync(join(folder, file), 'utf8');

/** Builds without the tools: succeeds only if there is nothing to build. */
function buildWithoutTools(): void {
  rmSync(TOOLS);
  try {
    build();
  } finally {
    linkTools();
  }
}

describe('npm run build:sample', () => {
  it('keeps what is up to date, and removes what has no source any more', () => {
    build();
    const before = builtAt();
    expect(built()).toEqual(['.tsbuildinfo', 'gone.css', 'gone.js', 'kept.css', 'kept.js']);

    build();
    expect(builtAt()).toBe(before);

    for (const file of ['gone.ts', 'gone.css']) rmSync(join(folder, 'sample', file));
    build();
    expect(built()).toEqual(['.tsbuildinfo', 'kept.css', 'kept.js']);
  });

  it('builds all again when the output was removed', () => {
    rmSync(join(folder, 'dist-sample'), { recursive: true, force: true });
    build();
    expect(built()).toEqual(['.tsbuildinfo', 'kept.css', 'kept.js']);
  });

  it('runs no tool when nothing has changed', () => {
    build();
    expect(buildWithoutTools).not.toThrow();
    // A new time is no change.
    utimesSync(join(folder, 'sample/kept.ts'), new Date(), new Date());
    expect(buildWithoutTools).not.toThrow();
  });

  it.each([
    ['a source that is older than its output', 'sample/kept.ts', 'export const kept = 2;'],
    ['the output of the sample', 'dist-sample/kept.js', ''],
    ['the output of the package', 'dist/index.js', ''],
  ])('builds again after a change of %s', (_, file, text) => {
    build();
    const before = textOf(file);
    write(file, text);
    utimesSync(join(folder, file), new Date(0), new Date(0));
    expect(buildWithoutTools).toThrow('typescript');
    build();
    buildWithoutTools();
    // An output is what it was; a source is not.
    expect(textOf(file) === before).toBe(file.startsWith('dist'));
  });

  it('restores an output that was changed together with a source, or was removed', () => {
    build();
    const before = textOf('dist-sample/kept.js');
    write('dist-sample/kept.js', '');
    write('sample/other.ts', 'export const other = 1;');
    build();
    expect(textOf('dist-sample/kept.js')).toBe(before);
    rmSync(join(folder, 'dist-sample/kept.js'));
    rmSync(join(folder, 'sample/other.ts'));
    build();
    expect(built()).toEqual(['.tsbuildinfo', 'kept.css', 'kept.js']);
  });

  it('builds again after a new file, one that is gone, and a build that failed', () => {
    build();
    write('sample/more.ts', 'export const more: string = 1;');
    expect(build).toThrow('Command failed');
    expect(build).toThrow('Command failed');
    write('sample/more.ts', 'export const more = 1;');
    build();
    expect(built()).toContain('more.js');
    rmSync(join(folder, 'sample/more.ts'));
    build();
    expect(built()).not.toContain('more.js');
    buildWithoutTools();
  });
});
