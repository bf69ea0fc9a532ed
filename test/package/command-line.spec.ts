import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACL } from '../../src/cli/acl.js';
import { TOP } from '../../src/cli/top/top.js';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;

const folder = mkdtempSync(join(tmpdir(), 'command-line-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** An application that has the packed package, as npm installs it, and its peers. */
beforeAll(() => {
  const modules = join(folder, 'node_modules');
  const { name, peerDependencies } = readManifest('.');
  const installed = join(modules, name);
  mkdirSync(installed, { recursive: true });
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
  const packed = JSON.parse(execFileSync('npm', args, { encoding: 'utf8', stdio })) as object;
  const [{ filename }] = Object.values(packed) as [{ filename: string }];
  execFileSync('tar', ['-xzf', join(folder, filename), '-C', installed, '--strip-components=1']);
  for (const peer of new Set(Object.keys(peerDependencies).map((it) => it.split('/')[0] ?? ''))) {
    symlinkSync(join(process.cwd(), 'node_modules', peer), join(modules, peer));
  }
  mkdirSync(join(modules, '.bin'));
  for (const [program, file] of Object.entries(readManifest(installed).bin)) {
    chmodSync(join(installed, file), 0o755);
    symlinkSync(join('..', name, file), join(modules, '.bin', program));
  }
});

const npx = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(
    'npx',
    ['--no', '--', 'nestjs-redis-pubsub', ...args],
    {
      cwd: folder,
      encoding: 'utf8',
    },
  );
  return { status, stdout, stderr };
};

describe('npx nestjs-redis-pubsub, of the packed package', () => {
  it('prints its version and its help', () => {
    expect(npx('--version')).toMatchObject({
      status: 0,
      stdout: `${readManifest('.').version}\n`,
    });
    expect(npx('--help').stdout).toContain('Usage: nestjs-redis-pubsub <command> [options]');
    expect(npx('acl', '--help').stdout).toContain('--user NAME');
  }, 60_000);

  it('ends with 2 for wrong usage, and with 1 without Redis', () => {
    expect(npx('top', '--onec')).toMatchObject({ status: 2, stdout: '' });
    const { status, stdout, stderr } = npx('acl', '--url', 'redis://:s3cret@127.0.0.1:1');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('ECONNREFUSED');
    expect(stderr).not.toContain('s3cret');
  }, 60_000);
});

describe('the page of the command line', () => {
  const page = readFileSync('docs/operations/command-line.md', 'utf8');

  it.each([
    ['acl', ACL],
    ['top', TOP],
  ])('names every option of %s', (_, { options }) => {
    expect(Object.keys(options).filter((name) => !page.includes(`\`--${name}`))).toEqual([]);
  });
});
