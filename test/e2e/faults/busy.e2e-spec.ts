import { Redis } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { RedisPubSubServerOptions } from 'nestjs-redis-pubsub';
import { unique } from '../../conformance/collector.js';
import { createTestBroker } from '../../conformance/test-broker.js';
import { closeAfterTest, createClient, startService } from '../../support/app.js';
import { eventHandlers } from '../../support/handlers.js';
import { IS_IOREDIS_6 } from '../../support/ioredis-version.js';
import { eventually, plain, useRedis } from '../../support/redis.js';
import { startProxy } from '../../support/tcp-proxy.js';

const PING = { interval: 20, timeout: 1_000 };
const HEARTBEAT = { pingInterval: PING.interval, pingTimeout: PING.timeout };

/** Together ten megabytes: several times what a turn of the event loop reads. */
const MESSAGES = 640;
const BYTES = 16_384;
const HANDLING_MS = 8;

/** Publishes all messages at one moment. */
const BURST = `for i = 1, ARGV[2] do redis.call('PUBLISH', ARGV[1], string.rep('x', ARGV[3])) end`;

/** Keeps the process busy, as a slow handler does. */
function work(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

describe(`a burst of ${MESSAGES} messages that take longer than the heartbeat allows for an answer`, () => {
  const redis = useRedis();

  const publishBurst = (channel: string): Promise<unknown> =>
    redis.client.eval(BURST, 0, channel, MESSAGES, BYTES);

  it('is handled to its last message, over the connection that it began on', async () => {
    let handled = 0;
    const { server, log } = await startService(
      eventHandlers({
        'busy.burst': () => {
          work(HANDLING_MS);
          handled++;
        },
      }),
      { connection: redis.url, ...HEARTBEAT },
    );
    const statuses: string[] = [];
    server.status.subscribe((status) => statuses.push(status));
    await publishBurst('busy.burst');
    await redis.client.publish('busy.burst', '"last"');
    await eventually(
      () => handled === MESSAGES + 1,
      () => `${handled} handled: ${log.of('warn').join('; ')}`,
    );
    expect([statuses, log.of('warn')]).toEqual([['connected'], []]);
  });

  it('counter-proof: a heartbeat that only looks at its deadline cuts the connection, and messages are lost', async () => {
    let handled = 0;
    const subscriber = new Redis({ ...plain(redis.port), retryStrategy: () => null });
    closeAfterTest(async () => subscriber.disconnect());
    subscriber.on('error', () => undefined);
    subscriber.on('message', () => {
      work(HANDLING_MS);
      handled++;
    });
    await subscriber.subscribe('busy.naive');
    let deadline: NodeJS.Timeout | undefined;
    const heartbeat = setInterval(() => {
      if (deadline) return;
      deadline = setTimeout(() => subscriber.stream.destroy(), PING.timeout);
      subscriber.ping().then(
        () => {
          clearTimeout(deadline);
          deadline = undefined;
        },
        () => undefined,
      );
    }, PING.interval);
    closeAfterTest(async () => clearInterval(heartbeat));
    await publishBurst('busy.naive');
    await eventually(() => subscriber.status === 'end');
    expect(handled).toBeLessThan(MESSAGES);
  });
});

/**
 * Together 16 megabytes: more than the sockets hold, so that Redis keeps a part, and less than it cuts a client for.
 * The handling of all takes longer than the heartbeat's limits; these leave a busy machine the time to answer.
 */
const BACKLOG = { messages: 1_000, bytes: 16_384, handlingMs: 5 };

describe(`a backlog of ${BACKLOG.messages} messages, a part of which waits in Redis`, () => {
  const redis = useRedis();

  /** At once: a process that waited for each part would handle it before it sends the next, and nothing would wait. */
  async function publishBacklog(channel: string): Promise<void> {
    const parts = Array.from({ length: BACKLOG.messages / 100 }, () =>
      redis.client.eval(BURST, 0, channel, 100, BACKLOG.bytes),
    );
    await Promise.all(parts);
  }

  async function startHandling(channel: string, options: RedisPubSubServerOptions) {
    const counts = { handled: 0 };
    const handle = (): void => {
      work(BACKLOG.handlingMs);
      counts.handled++;
    };
    const { server, log } = await startService(eventHandlers({ [channel]: handle }), {
      connection: redis.url,
      ...options,
    });
    const statuses: string[] = [];
    server.status.subscribe((status) => statuses.push(status));
    return { counts, statuses, log };
  }

  it.each([
    ['delivery probe', { probeInterval: 100 }],
    ['heartbeat', { probeInterval: 0, pingInterval: 500, pingTimeout: 2_000 }],
  ])('is handled over one connection, with a short interval of the %s', async (_, options) => {
    const channel = unique('busy.backlog');
    const { counts, statuses, log } = await startHandling(channel, options);
    if (options.probeInterval > 0) {
      await eventually(async () => {
        const probes = (await redis.client.pubsub('CHANNELS', '_pubsub.probe*')) as string[];
        return probes.length === 1;
      });
    }
    await publishBacklog(channel);
    await redis.client.publish(channel, '"last"');
    await eventually(
      () => counts.handled === BACKLOG.messages + 1,
      () => `${counts.handled} handled: ${log.of('warn').join('; ')}`,
    );
    expect([statuses, log.of('warn')]).toEqual([['connected'], []]);
  });

  // With ioredis 5 a backlog of this size does not show it.
  it.runIf(IS_IOREDIS_6)(
    'counter-proof: a probe that only counts intervals cuts the connection, and messages are lost',
    async () => {
      let handled = 0;
      let isMissing = false;
      const subscriber = new Redis({ ...plain(redis.port), retryStrategy: () => null });
      closeAfterTest(async () => subscriber.disconnect());
      subscriber.on('error', () => undefined);
      subscriber.on('message', (channel) => {
        if (channel === 'busy.naive-probe') isMissing = false;
        else {
          work(BACKLOG.handlingMs);
          handled++;
        }
      });
      await subscriber.subscribe('busy.unprobed', 'busy.naive-probe');
      let silent = 0;
      const probe = setInterval(() => {
        silent = isMissing ? silent + 1 : 0;
        if (silent > 1) subscriber.stream.destroy();
        void redis.client.publish('busy.naive-probe', '').then(() => (isMissing = true));
      }, 100);
      closeAfterTest(async () => clearInterval(probe));
      await publishBacklog('busy.unprobed');
      await eventually(() => subscriber.status === 'end');
      expect(handled).toBeLessThan(BACKLOG.messages);
    },
  );
});

describe('a process that is busy for longer than its time limits', () => {
  const redis = useRedis();

  it('takes a reply that has arrived in that time', async () => {
    const responder = redis.client.duplicate();
    closeAfterTest(async () => responder.disconnect());
    await responder.subscribe('busy.ask');
    const client = createClient({ connection: redis.url, requestTimeout: 100 });
    const first = firstValueFrom(client.send('busy.ask', 1));
    const inboxes = async (): Promise<string[]> =>
      (await redis.client.pubsub('CHANNELS', '_pubsub.inbox.*')) as string[];
    await expect(first).rejects.toMatchObject({ code: 'ERR_PUBSUB_TIMEOUT' });
    const [inbox = ''] = await inboxes();
    const second = firstValueFrom(client.send('busy.ask', 2));
    void redis.client.publish(inbox, '{"id":2,"response":"in time","isDisposed":true}');
    work(300);
    await expect(second).resolves.toBe('in time');
  });

  it('connects to a Redis that is up', async () => {
    const broker = createTestBroker(redis.url);
    const connected = broker.connect(50);
    // The connection is on its way by then, and needs further steps.
    setImmediate(() => work(300));
    await connected;
    expect(broker.status).toBe('connected');
  });

  it('publishes what waited for a connection that is back', async () => {
    const proxy = await startProxy(redis.port);
    const broker = createTestBroker(proxy.url, {
      publishBuffer: { maxMessages: 10, maxAge: 300, maxBytes: 1_000 },
    });
    await broker.connect(0);
    const lost = new Promise<void>((resolve) => {
      broker.onStatus((status) => status === 'reconnecting' && resolve());
    });
    proxy.cut();
    await lost;
    const published = broker.publish('busy.buffered', 'x');
    work(700);
    await expect(published).resolves.toBe(0);
  });
});

describe('a connection that still receives, and no longer sends,', () => {
  const redis = useRedis();

  it('is found and replaced while messages arrive all the time', async () => {
    const received: unknown[] = [];
    const proxy = await startProxy(redis.port);
    const { server, log } = await startService(
      eventHandlers({ 'busy.half': (data) => received.push(data) }),
      { connection: proxy.url, pingInterval: 20, pingTimeout: 100 },
    );
    const statuses: string[] = [];
    server.status.subscribe((status) => statuses.push(status));
    const traffic = setInterval(() => void redis.client.publish('busy.half', '"x"'), 1);
    closeAfterTest(async () => clearInterval(traffic));
    await eventually(() => received.length > 100);
    proxy.swallow(['toServer']);
    proxy.forward();
    const lost = /Lost the subscriber connection.*PING within 100 ms/;
    await eventually(() => log.of('warn').some((line) => lost.test(line)));
    await eventually(() => statuses.at(-1) === 'connected');
    expect(statuses).toContain('reconnecting');
    const before = received.length;
    await eventually(() => received.length > before + 100);
  });
});
