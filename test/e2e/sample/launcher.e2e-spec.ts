import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { choosePort } from '../../../sample/support/server-port.js';
import { closeAfterTest } from '../../support/app.js';
import { eventually } from '../../support/redis.js';
import type { EventStream } from './event-stream.js';
import { gone, REDIS_SERVER, SampleProcess, startSample } from './sample-process.js';
import { SESSION_SECRET } from './session-tokens.js';
import { takePort } from './taken-port.js';
import { gatewaysOf } from './use-sample.js';

const ENDED = { code: 0, signal: null };
const FAILED = { code: 1, signal: null };

/** A sample that may end before it is ready; stopped after the test. */
function launch(env: NodeJS.ProcessEnv = {}): SampleProcess {
  const sample = new SampleProcess(env);
  closeAfterTest(() => sample.stop());
  return sample;
}

/** A folder that is removed after the test. */
async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sample-'));
  closeAfterTest(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The streams of two users who signed in, each at another gateway. */
function openStreams(sample: SampleProcess): Promise<EventStream[]> {
  return Promise.all(
    gatewaysOf(sample).map(async (gateway, i) =>
      (await gateway.signIn(['alice', 'bob'][i] ?? '')).openStream(),
    ),
  );
}

describe('the launcher of the sample', () => {
  it('prints its URLs, and exits with 0 after all its processes on SIGTERM', async () => {
    const sample = await startSample();
    expect(sample.gatewayUrls).toHaveLength(2);
    expect(new Set(sample.gatewayUrls).size).toBe(2);
    expect(sample.output).toMatch(/redis-cli -p \d+ PSUBSCRIBE 'sample:notifications\.\*'/);
    const started = await sample.descendants();
    const commands = started.map(({ command }) => command).join('\n');
    for (const name of [REDIS_SERVER, 'activity/main.js', 'notifications/main.js']) {
      expect(commands).toContain(name);
    }
    expect(commands.match(/gateway\/main\.js/g)).toHaveLength(2);
    const streams = await openStreams(sample);

    sample.signal('SIGTERM');
    await Promise.all(streams.map((stream) => stream.ended));
    expect(await sample.exited).toEqual(ENDED);
    await gone(started);
    expect(sample.output).not.toMatch(/ERROR|WARN|\[start\]/);
  });

  it('exits with 0 after all its processes on SIGINT, although it arrives twice', async () => {
    const sample = await startSample({ TRACE: 'off' });
    const started = await sample.descendants();
    const streams = await openStreams(sample);
    sample.signal('SIGINT');
    sample.signal('SIGINT');
    await Promise.all(streams.map((stream) => stream.ended));
    expect(await sample.exited).toEqual(ENDED);
    await gone(started);
    expect(sample.output).not.toMatch(/ERROR|WARN|\[/);
  });

  it('leaves no process when it is killed', async () => {
    const sample = await startSample({ TMPDIR: await temporaryFolder() });
    const started = await sample.descendants();
    sample.signal('SIGKILL');
    expect(await sample.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await gone(started);
  });

  it.each([
    ['SIGTERM', REDIS_SERVER, ENDED],
    ['SIGTERM', 'activity/main.js', ENDED],
    ['SIGTERM', 'gateway/main.js', ENDED],
    ['SIGKILL', 'activity/main.js', { code: null, signal: 'SIGKILL' }],
  ] as const)(
    'leaves no process behind on %s while it starts %s',
    async (signal, program, outcome) => {
      const sample = launch({ TMPDIR: await temporaryFolder() });
      let started: { pid: number }[] = [];
      await eventually(async () => {
        const running = await sample.descendants();
        started = running;
        return running.some(({ command }) => command.includes(program));
      });
      sample.signal(signal);
      expect(await sample.exited).toEqual(outcome);
      await gone(started);
      expect(sample.output).not.toMatch(/ERROR|Cannot start| {4}at |is ready/);
    },
  );

  it('reports that its port is in use, and exits with 1', async () => {
    const server = createServer();
    closeAfterTest(async () => server.close());
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const sample = launch({ PORT: String(port) });
    expect(await sample.exited).toEqual(FAILED);
    expect(sample.output).toMatch(
      new RegExp(`Cannot start: .*address already in use.*\\d+\\. Set PORT to a free port\\.`),
    );
    expect(sample.output).not.toContain('    at ');
  });

  it('reports that a secret is too short, and exits with 1', async () => {
    const sample = launch({ SESSION_SECRET: 'short' });
    expect(await sample.exited).toEqual(FAILED);
    const reason = 'Expected SESSION_SECRET to have at least 32 characters, got 5';
    expect(sample.output).toContain(`Cannot start: ${reason}`);
  });

  it.each([
    ['PORT', 'three', 'to be an integer ≥ 0'],
    ['PORT', '-1', 'to be an integer ≥ 0'],
    ['STREAM_LIMIT', '1.5', 'to be an integer ≥ 0'],
    ['MONITORING_PORT', 'on', 'to be an integer ≥ 0'],
    ['ALLOWED_HOSTS', 'https://secret', 'to be host names, separated by commas'],
  ])('reports that %s=%s is wrong, and exits with 1', async (name, value, expected) => {
    const sample = launch({ [name]: value });
    expect(await sample.exited).toEqual(FAILED);
    expect(sample.output).toContain(`Cannot start: Expected ${name} ${expected}\n`);
    expect(sample.output).not.toMatch(/ {4}at |secret/);
  });

  it('prints where each service has its metrics and its health, if it has them', async () => {
    const sample = await startSample({ MONITORING_PORT: String(choosePort(4)), TRACE: 'off' });
    const urls = [...sample.output.matchAll(/ (http:\S+)\/health\/ready$/gm)].map(([, url]) => url);
    expect(urls).toHaveLength(4);
    const answers = await Promise.all(urls.map((url) => fetch(`${url}/health/ready`)));
    expect(answers.map(({ status }) => status)).toEqual(urls.map(() => 200));
    expect(sample.output).not.toMatch(/ERROR|WARN|\[start\]/);
  });

  it('without a Redis reports what was tried and how to get one, and exits with 1', async () => {
    const folder = await temporaryFolder();
    await symlink(process.execPath, join(folder, 'node'));
    const sample = launch({
      PATH: folder,
      REDIS_SERVER_BINARY: undefined,
      REDISMS_SYSTEM_BINARY: undefined,
      REDISMS_DOWNLOAD_DIR: join(folder, 'redis'),
      REDISMS_DOWNLOAD_URL: 'http://127.0.0.1:1/redis.tar.gz',
    });
    expect(await sample.exited).toEqual(FAILED);
    expect(sample.output).toContain('Cannot start a Redis server.\nTried: redis-server');
    expect(sample.output).toContain('To install one: "apt install redis-server"');
    expect(sample.output).not.toContain('    at ');
  });

  it('starts a Redis with its data again after a start that failed', async () => {
    const folder = await temporaryFolder();
    const sample = await startSample({ SESSION_SECRET, TMPDIR: folder });
    const [first, second] = gatewaysOf(sample);
    const ann = first.user();
    const stream = await ann.openStream();
    await second.user().message(ann, 'Before the outage');
    await stream.has('notification');
    const before = await ann.inbox();

    process.kill(await sample.pidOf(REDIS_SERVER), 'SIGKILL');
    const taken = await takePort(sample.redisPort, '127.0.0.1');
    const failures = () => sample.lines.filter((line) => line.includes('Cannot restart Redis'));
    await eventually(() => failures().length > 0);
    await taken.free();
    await stream.has('ready', 2);
    expect(await ann.inbox()).toEqual(before);
    for (const line of failures()) expect(line).toMatch(/^\[start\] Cannot restart Redis: .*\w/);
    expect(sample.output).not.toContain('    at ');

    sample.signal('SIGTERM');
    expect(await sample.exited).toEqual(ENDED);
    expect(await readdir(folder)).toEqual([]);
  });

  it('reports in one line why a service cannot start again, until it can', async () => {
    const sample = await startSample();
    const [gateway] = gatewaysOf(sample);
    const { port } = new URL(gateway.url);
    const since = sample.lines.length - 1;
    process.kill(await sample.pidOf('gateway/main.js', 'INSTANCE=gateway-1'), 'SIGKILL');
    const taken = await takePort(Number(port), '127.0.0.1');
    const reported = () =>
      sample.lines.slice(since).filter((line) => /gateway-1\b.*(exited|Cannot)/.test(line));
    await eventually(() => reported().length >= 3);
    await taken.free();
    await eventually(() =>
      gateway
        .visitor()
        .get('/api/people')
        .then(
          ({ status }) => status === 200,
          () => false,
        ),
    );
    const reason = `listen EADDRINUSE: address already in use 127.0.0.1:${port}. Set PORT to a free port.`;
    expect(reported().slice(0, 3)).toEqual([
      '[start] gateway-1 exited (SIGKILL); restarting it in 2 s',
      `[gateway-1] Cannot start: ${reason}`,
      '[start] gateway-1 exited (exit code 1, before it was ready); restarting it in 2 s',
    ]);
    await eventually(() => sample.lines.includes('[start] gateway-1 is running again'));
    expect(sample.output).not.toContain('    at ');
  });

  it('tells two users what to do, and only what they need', async () => {
    const sample = await startSample({ TRACE: 'off' });
    const [first, second] = sample.gatewayUrls;
    expect(sample.output).toBe(`
The notification sample is ready; Ctrl-C stops it.

Open these addresses in two windows. Sign in as Alice in the first and as Bob in the second. Then
like Alice's post as Bob:

  ${first}
  ${second}

Each message through Redis is logged below: → sent, ← received. To watch the channels yourself:

  redis-cli -p ${sample.redisPort} PSUBSCRIBE 'sample:notifications.*'

`);
  });

  it('logs each message as sent before it is received, and no message of the library', async () => {
    const sample = await startSample();
    const [alice] = await openStreams(sample);
    const [, second] = gatewaysOf(sample);
    const bob = await second.signIn('bob');
    const since = sample.lines.length - 1;
    for (let i = 0; i < 10; i++) await bob.message({ id: 'alice' }, `${i}`);
    await alice?.has('notification', 10);
    // Bob comes and goes on a channel of its own.
    const ofMessages = / [→←] sample:(user\.messaged|notifications\.user\.alice)\b/;
    const steps = () => sample.lines.slice(since).filter((line) => ofMessages.test(line));
    await eventually(() => steps().length === 40);
    for (const [sent, received] of [
      [
        '[gateway-2] → sample:user.messaged (1 delivered)',
        '[notifications] ← sample:user.messaged',
      ],
      [
        '[notifications] → sample:notifications.user.alice (1 delivered)',
        '[gateway-1] ← sample:notifications.user.alice',
      ],
    ]) {
      let open = 0;
      for (const line of steps()) {
        if (line === sent) open += 1;
        if (line === received) open -= 1;
        expect(open).toBeGreaterThanOrEqual(0);
      }
    }
    expect(sample.output).not.toContain('_pubsub');
  });
});
