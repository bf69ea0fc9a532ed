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

const folder = mkdtempSync(join(tmpdir(), 'build-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A package with two modules. */
beforeAll(() => {
  cpSync('tools', join(folder, 'tools'), { recursive: true });
  symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
  const compilerOptions = {
    composite: true,
    tsBuildInfoFile: 'dist/.tsbuildinfo',
    rootDir: 'src',
    outDir: 'dist',
    types: [],
    lib: ['ES2023'],
  };
  write('tsconfig.build.json', JSON.stringify({ compilerOptions, include: ['src'] }));
  write('package.json', '{ "type": "module" }');
  mkdirSync(join(folder, 'src'));
  write('src/kept.ts', 'export const kept = 1;');
  write('src/gone.ts', 'export const gone = 1;');
});

const write = (file: string, text: string): void => writeFileSync(join(folder, file), text);

const build = (): void =>
  void execFileSync(process.execPath, ['tools/build.mjs'], { cwd: folder, stdio: 'pipe' });

const built = (): string[] => readdirSync(join(folder, 'dist')).toSorted();

const builtAt = (): number => statSync(join(folder, 'dist/kept.js')).mtimeMs;

describe('npm run build', () => {
  it('keeps what is up to date, and removes what has no source any more', () => {
    build();
    const before = builtAt();
    expect(built()).toEqual(['.tsbuildinfo', 'gone.d.ts', 'gone.js', 'kept.d.ts', 'kept.js']);

    build();
    expect(builtAt()).toBe(before);

    rmSync(join(folder, 'src/gone.ts'));
    build();
    expect(built()).toEqual(['.tsbuildinfo', 'kept.d.ts', 'kept.js']);
  });

  it('builds all again when the output was removed', () => {
    rmSync(join(folder, 'dist'), { recursive: true, force: true });
    build();
    expect(built()).toEqual(['.tsbuildinfo', 'kept.d.ts', 'kept.js']);
  });
});
