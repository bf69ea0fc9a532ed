import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { UserStream } from '../../../sample/notifications/load/user-stream.js';
import { closeAfterTest } from '../../support/app.js';
import { newUserId } from './gateway.js';
import { signToken } from './session-tokens.js';
import { useSample } from './use-sample.js';

const PROGRAM = fileURLToPath(
  new URL('../../../dist-sample/notifications/load/main.js', import.meta.url),
);
const SMALL = ['--streams', '50', '--rate', '200', '--seconds', '2'];

/** The output of a program. */
async function run(program: string, args: string[]) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  closeAfterTest(async () => child.kill());
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { stdout, stderr, code: code as number | null };
}

const load = (...args: string[]) => run(process.execPath, [PROGRAM, ...args]);

describe('the load script of the sample', () => {
  it('prints a summary, loses nothing, and exits with 0', async () => {
    const { stdout, code } = await load(...SMALL);
    expect(stdout).toMatch(/^streams +50 opened in [\d.]+ s, 50 open at the end$/m);
    expect(stdout).toMatch(/^messages +400 emitted \([\d.]+ per second\), 400 delivered, 0 lost$/m);
    expect(stdout).toMatch(/^ +0 duplicated, 0 out of order, 0 to another user$/m);
    expect(stdout).toMatch(
      /^latency +p50 [\d.]+ ms, p90 [\d.]+ ms, p99 [\d.]+ ms, max [\d.]+ ms$/m,
    );
    expect(stdout).toMatch(
      /^gateways +1, with [\d.]+ % of a core together, [\d.]+ ms of CPU per message delivered$/m,
    );
    expect(stdout).toMatch(/^redis +[\d.]+ % of a core, [\d.]+ ms of CPU per message delivered$/m);
    expect(code).toBe(0);
  });

  it('prints the same as one line of JSON with --json', async () => {
    const { stdout, code } = await load(...SMALL, '--json');
    expect(stdout.trimEnd()).not.toContain('\n');
    const figures = JSON.parse(stdout) as Record<
      'latencyMs' | 'gateways' | 'redis',
      Record<string, number>
    >;
    expect(figures).toMatchObject({
      streams: 50,
      streamsOpenAtEnd: 50,
      emitted: 400,
      delivered: 400,
      lost: 0,
      duplicated: 0,
      outOfOrder: 0,
      misdirected: 0,
    });
    const { p50 = NaN, p90 = NaN, p99 = NaN, max = NaN } = figures.latencyMs;
    expect(p50).toBeGreaterThan(0);
    expect([p50, p90, p99, max]).toEqual([p50, p90, p99, max].toSorted((a, b) => a - b));
    expect(figures.gateways.cpuMsPerDelivery).toBeGreaterThan(0);
    expect(figures.gateways.megabytesAtEnd).toBeGreaterThan(0);
    expect(figures.redis.cpuMsPerDelivery).toBeGreaterThan(0);
    expect(code).toBe(0);
  });

  it('shares the streams among several gateways', async () => {
    const { stdout, stderr, code } = await load(...SMALL, '--gateways', '2', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ delivered: 400, lost: 0, gateways: { count: 2 } });
    expect(stderr).toContain('Starting a Redis server and 2 gateways …');
    expect(code).toBe(0);
  });

  it.each([
    [['--gateways', '0'], 'Expected "gateways" to be an integer ≥ 1, got 0'],
    [['--streams', '0'], 'Expected "streams" to be an integer ≥ 1, got 0'],
    [['--rate', '1.5'], 'Expected "rate" to be an integer ≥ 1, got 1.5'],
    [['--seconds', 'ten'], 'Expected "seconds" to be an integer ≥ 1, got ten'],
    [['--seconds='], 'Expected "seconds" to be an integer ≥ 1, got ""'],
    [['--users', '5'], "Unknown option '--users'"],
    [['5'], "Unexpected argument '5'"],
  ])('refuses %j with the reason, and exits with 1', async (args, reason) => {
    const { stdout, stderr, code } = await load(...args);
    expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
    expect(stderr.startsWith(reason)).toBe(true);
    expect(stderr).toContain('\nUsage: npm run load -- [--gateways 1] [--streams 2000]');
    expect(stderr).not.toContain('    at ');
  });

  it.skipIf(process.platform === 'win32')(
    'says what to do when the limit of open files is too low, and exits with 1',
    async () => {
      const script = 'ulimit -n 256 && exec "$@"';
      const command = [process.execPath, PROGRAM, '--streams', '300'];
      expect(await run('sh', ['-c', script, 'sh', ...command])).toEqual({
        stdout: '',
        stderr:
          '300 streams need 400 open files, and a process may have 256. ' +
          'Run "ulimit -n 400" in this shell first, or open fewer --streams.\n',
        code: 1,
      });
    },
  );
});

describe('a stream of the load script', () => {
  const sample = useSample();

  it.each([
    ['without a session', 401, 'Sign in first', () => 'no token'],
    [
      'with the session of another user',
      403,
      'This belongs to another user',
      () => signToken({ id: newUserId() }),
    ],
  ])('reports why it is rejected %s', async (_session, status, message, token) => {
    const id = newUserId();
    const user = { id, token: token() };
    const stream = new UserStream(sample.first.url, user, () => undefined);
    closeAfterTest(async () => stream.close());
    const refusal = await stream.opened().catch(({ message }: Error) => message);
    const [head, body] = String(refusal).split(`: ${status} `);
    expect(head).toBe(`Cannot open the stream of ${id}`);
    expect(JSON.parse(body ?? '{}')).toMatchObject({ statusCode: status, message });
    expect(stream.isOpen).toBe(false);
  });
});
