import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { closeAfterTest } from '../../support/app.js';
import { useRedis } from '../../support/redis.js';
import { HAS_SHARDED, IF_SHARDED } from '../../support/sharded.js';

const ROOT = new URL('../../../', import.meta.url);
const NAMES = [
  'game-events',
  'cache-invalidation',
  'event-bus',
  'request-response',
  'patterns',
  'plain-json',
  'keyspace-events',
  'sharded-channels',
];
/** The samples that use one server; another starts a Cluster of its own. */
const ONE_SERVER = NAMES.filter((name) => name !== 'sharded-channels');

const NO_SERVER = { REDIS_SERVER_BINARY: '/no/redis-server' };

/** The output of a program of the built samples. */
async function run(path: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const program = fileURLToPath(new URL(`dist-sample/${path}`, ROOT));
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, REDIS_URL: undefined, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  closeAfterTest(async () => child.kill());
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { stdout, stderr, code: code as number | null };
}

async function expectedOf(name: string) {
  const stdout = await readFile(new URL(`sample/${name}/expected.txt`, ROOT), 'utf8');
  return { stdout, stderr: '', code: 0 };
}

describe('a small sample', () => {
  const redis = useRedis();

  it.each(ONE_SERVER)('%s prints the text of its expected.txt, and exits with 0', async (name) => {
    expect(await run(`${name}/main.js`)).toEqual(await expectedOf(name));
  });

  it.runIf(HAS_SHARDED)(`sharded-channels prints its text as well${IF_SHARDED}`, async () => {
    expect(await run('sharded-channels/main.js')).toEqual(await expectedOf('sharded-channels'));
  });

  it.each(ONE_SERVER)('%s uses the Redis of REDIS_URL', async (name) => {
    const result = await run(`${name}/main.js`, [], { ...NO_SERVER, REDIS_URL: redis.url });
    expect(result).toEqual(await expectedOf(name));
  });

  it('without a Redis explains how to start one, and exits with 1', async () => {
    const { stdout, stderr, code } = await run('event-bus/main.js', [], NO_SERVER);
    expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
    expect(stderr).toContain('Cannot start a Redis server.\nTried: /no/redis-server');
    expect(stderr).not.toContain('    at ');
  });
});

describe('the command that runs a sample', () => {
  it('runs the sample of that name', async () => {
    expect(await run('run.js', ['event-bus'])).toEqual(await expectedOf('event-bus'));
  });

  it.each([[], ['no-such-sample'], ['../run']])('lists the names for %j', async (...args) => {
    const stderr = `Usage: npm run sample <name>, where <name> is one of ${[...NAMES, 'dashboard', 'assistant', 'chat'].join(', ')}\n`;
    expect(await run('run.js', args)).toEqual({ stdout: '', stderr, code: 1 });
  });
});
