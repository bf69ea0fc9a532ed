import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { closeAfterTest } from '../../support/app.js';
import { eventually } from '../../support/redis.js';
import { EventStream } from './event-stream.js';
import { gone, SampleProcess, startSample } from './sample-process.js';

describe('the launcher of the sample', () => {
  it('says where it listens and what to try', async () => {
    const { output, url } = await startSample();
    expect(url).toMatch(/^http:\/\/localhost:\d+$/);
    expect(output).toContain(`curl -N ${url}/users/42/notifications/stream`);
    expect(output).toContain(`curl -X POST ${url}/users/42/follow`);
    expect(output).toMatch(/redis-cli -p \d+ PSUBSCRIBE 'sample:\*'/);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'ends its streams on %s, leaves no process behind and exits with 0',
    async (signal) => {
      const sample = await startSample();
      const started = await sample.descendants();
      expect(started.map(({ command }) => command)).toEqual(
        expect.arrayContaining([
          expect.stringContaining('redis-server'),
          expect.stringContaining('api/main.js'),
          expect.stringContaining('notifications/main.js'),
        ]),
      );
      const stream = new EventStream(`${sample.url}/users/42/notifications/stream`);
      await eventually(() => sample.output.includes('+ channel sample:notifications.user.42'));

      sample.signal(signal);
      await stream.ended;
      expect(await sample.exited).toEqual({ code: 0, signal: null });
      await gone(started);
      expect(sample.output).not.toMatch(/ERROR|WARN/);
    },
  );

  it.each(['api', 'notifications'])(
    'stops the rest when %s dies, and exits with 1',
    async (name) => {
      const sample = await startSample();
      const started = await sample.descendants();
      const victim = started.find(({ command }) => command.includes(`${name}/main.js`));
      process.kill(victim?.pid ?? 0, 'SIGKILL');
      expect(await sample.exited).toEqual({ code: 1, signal: null });
      await gone(started);
      expect(sample.output).toContain(`[start] ${name} ended (SIGKILL); stopping the rest`);
    },
  );

  it('leaves no process behind when it is killed itself', async () => {
    const sample = await startSample();
    const started = await sample.descendants();
    sample.signal('SIGKILL');
    expect(await sample.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await gone(started);
  });

  it('says that its port is in use, and exits with 1', async () => {
    const server = createServer();
    closeAfterTest(async () => server.close());
    await new Promise<void>((resolve) => void server.listen(0, resolve));
    const { port } = server.address() as AddressInfo;
    const sample = new SampleProcess({ PORT: String(port) });
    expect(await sample.exited).toEqual({ code: 1, signal: null });
    expect(sample.output).toMatch(
      new RegExp(`Cannot start: .*address already in use.*${port}\\. Set PORT to a free port\\.`),
    );
  });

  it('without a Redis says what was tried and how to get one, and exits with 1', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sample-'));
    closeAfterTest(() => rm(folder, { recursive: true }));
    await symlink(process.execPath, join(folder, 'node'));
    const sample = new SampleProcess({
      PATH: folder,
      REDIS_SERVER_BINARY: undefined,
      REDISMS_SYSTEM_BINARY: undefined,
      REDISMS_DOWNLOAD_DIR: join(folder, 'redis'),
      REDISMS_DOWNLOAD_URL: 'http://127.0.0.1:1/redis.tar.gz',
    });
    expect(await sample.exited).toEqual({ code: 1, signal: null });
    expect(sample.output).toContain('No Redis could be started.\nTried: redis-server');
    expect(sample.output).toContain('To get one: "apt install redis-server"');
    expect(sample.output).not.toContain('    at ');
  });
});
