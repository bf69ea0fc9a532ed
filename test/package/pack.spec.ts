import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

interface Manifest {
  readonly name: string;
  readonly dependencies?: object;
  readonly peerDependencies: Record<string, string>;
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
const built = readdirSync('dist', { recursive: true, encoding: 'utf8' });

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
});
