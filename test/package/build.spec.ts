import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const SCRIPT = 'sample/support/build.mjs';
const folder = mkdtempSync(join(tmpdir(), 'build-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A sample with two modules and two assets. */
beforeAll(() => {
  mkdirSync(join(folder, 'sample/support'), { recursive: true });
  cpSync(SCRIPT, join(folder, SCRIPT));
  symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
  const compilerOptions = {
    incremental: true,
    tsBuildInfoFile: '../dist-sample/.tsbuildinfo',
    rootDir: '.',
    outDir: '../dist-sample',
    types: [],
    lib: ['ES2023'],
  };
  write('package.json', '{ "type": "module" }');
  write('sample/tsconfig.json', JSON.stringify({ compilerOptions, include: ['.'] }));
  for (const name of ['kept', 'gone']) {
    write(`sample/${name}.ts`, `export const ${name} = 1;`);
    write(`sample/${name}.css`, '');
  }
});

const write = (file: string, text: string): void => writeFileSync(join(folder, file), text);

const build = (): void =>
  void execFileSync(process.execPath, [SCRIPT], { cwd: folder, stdio: 'pipe' });

const built = (): string[] =>
  readdirSync(join(folder, 'dist-sample'), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .toSorted();

const builtAt = (): number => statSync(join(folder, 'dist-sample/kept.js')).mtimeMs;

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
});
