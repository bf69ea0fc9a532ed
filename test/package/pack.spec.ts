import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

interface Manifest {
  readonly name: string;
  readonly dependencies?: object;
  readonly peerDependencies: Record<string, string>;
  readonly exports: Record<string, string | { readonly default: string }>;
  readonly bin: Record<string, string>;
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
const built = readdirSync('dist', { recursive: true, encoding: 'utf8' });

/** Each entry of the package, by the name that users import, with its file in `dist`. */
const entries = Object.entries(manifest.exports).flatMap(([path, target]) =>
  typeof target === 'object'
    ? [{ name: join(manifest.name, path), file: target.default.replace('./dist/', '') }]
    : [],
);
const programs = Object.values(manifest.bin).map((file) => file.replace('./dist/', ''));
const scripts = built.filter((file) => file.endsWith('.js'));

/** The modules of the source that a built file contains. */
const modulesIn = (file: string): string[] =>
  [...readFileSync(join('dist', file), 'utf8').matchAll(/^\/\/ src\/(.+)\.ts$/gm)].map(
    (match) => match[1] ?? '',
  );

/** The names of what a module exports, and the names of those functions and classes themselves. */
const namesIn = (exported: object): [string, string][] =>
  Object.entries(exported)
    .map(([name, it]): [string, string] => [name, typeof it === 'function' ? it.name : ''])
    .toSorted(([one], [other]) => (one < other ? -1 : 1));

/** The packages that the built files with an extension import. */
function importedPackages(ending: string): Set<string> {
  const texts = built
    .filter((file) => file.endsWith(ending))
    .map((file) => readFileSync(join('dist', file), 'utf8'));
  const names = texts.flatMap((text) =>
    [...text.matchAll(/(?<!['"])(?:from|import)\s*\(?\s*['"]([^'".][^'"]*)['"]/g)].map(
      (match) => match[1],
    ),
  );
  return new Set(
    names.filter((name) => name !== undefined && !name.startsWith('node:')) as string[],
  );
}

describe('the package', () => {
  it('has no dependencies of its own', () => {
    expect(manifest.dependencies).toBeUndefined();
  });

  it.each(['.js', '.d.ts'])('imports only its peer dependencies in %s files', (ending) => {
    const allowed = new Set(Object.keys(manifest.peerDependencies));
    const foreign = [...importedPackages(ending)].filter((name) => !allowed.has(name));
    expect(foreign).toEqual([]);
  });

  it('ships the build, the licence, the documents and nothing else', () => {
    const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const parsed = JSON.parse(output) as Record<string, unknown> | unknown[];
    const [pack] = Object.values(parsed) as { files: { path: string }[] }[];
    const others = pack?.files
      .map(({ path }) => path)
      .filter((path) => !/^dist\/.+\.(js|d\.ts)$/.test(path));
    expect(others?.toSorted()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json']);
  });

  it('keeps the doc comments in its types', () => {
    expect(readFileSync('dist/options/options.d.ts', 'utf8')).toContain('@defaultValue `30000`');
  });

  it.each([
    ['import', `import('${manifest.name}').then((it) => console.log(typeof it.RedisPubSubServer))`],
    ['require', `console.log(typeof require('${manifest.name}').RedisPubSubServer)`],
  ])('can be loaded by its name with %s', (_, script) => {
    const output = execFileSync('node', ['--no-warnings', '-e', script], { encoding: 'utf8' });
    expect(output.trim()).toBe('function');
  });

  it('is one file for each entry and program, and one that they share', () => {
    const files = ['core.js', ...programs, ...entries.map(({ file }) => file)];
    expect(scripts.toSorted()).toEqual(files.toSorted());
  });

  it('has each module once, so that each class exists once', () => {
    const modules = scripts.flatMap(modulesIn);
    expect(modules).toContain('errors');
    expect(modules.toSorted()).toEqual([...new Set(modules)].toSorted());
  });

  it('contains no code of other packages', () => {
    const foreign = scripts.filter((file) =>
      /^\/\/ .*\bnode_modules\b/m.test(readFileSync(join('dist', file), 'utf8')),
    );
    expect(foreign).toEqual([]);
  });

  it('shares no module of an entry of its own, which may need an optional peer', () => {
    const folders = entries.map(({ file }) => dirname(file)).filter((folder) => folder !== '.');
    expect(modulesIn('testing/index.js').every((it) => it.startsWith('testing/'))).toBe(true);
    const leaves = ['core.js', 'index.js']
      .flatMap(modulesIn)
      .filter((it) => folders.some((folder) => it.startsWith(`${folder}/`)));
    expect(leaves).toEqual([]);
  });

  it.each(entries)('exports from $name what the source does, with its names', async (entry) => {
    const source = (await import(join('../../src', entry.file.replace(/js$/, 'ts')))) as object;
    const script = `import * as it from '${entry.name}'; console.log(JSON.stringify((${String(namesIn)})(it)))`;
    const args = ['--no-warnings', '--input-type=module', '-e', script];
    const output = execFileSync('node', args, { encoding: 'utf8' });
    expect(JSON.parse(output)).toEqual(namesIn({ ...source }));
  });
});
