import { setImmediate } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RedisPubSubService, type PubSubRecovery } from 'nestjs-redis-pubsub';
import { InMemoryRedis } from 'nestjs-redis-pubsub/testing';
import { resolveOptions } from '../../../src/options/resolve-options.js';
import { telemetry } from '../../../src/telemetry.js';
import { serverOf } from '../../../src/testing/in-memory-redis.js';
import { MessageBus } from '../../../src/transport/message-bus.js';
import { closeAfterTest, closeAll } from '../../support/app.js';
import { eventually } from '../../support/eventually.js';

const TTL_MS = 60_000;
const history = { a: { size: 1_000, ttl: TTL_MS } };

const payloadOf = (data: unknown, mid: string): Buffer =>
  Buffer.from(JSON.stringify({ pattern: 'a', data, mid }));

/** A Redis in memory with one reader, and a publisher that is never away. */
async function start(options: object = {}) {
  const redis = new InMemoryRedis();
  const server = serverOf(redis);
  const bus = new MessageBus(
    resolveOptions('RedisPubSubModule', { connection: redis, history, ...options }),
  );
  await bus.start();
  closeAfterTest(() => bus.close());
  const service = new RedisPubSubService(bus);
  const key = bus.lists.keyOf('a', 'channel');
  let number = 0;
  const found: unknown[] = [];
  const outcomes: PubSubRecovery[] = [];
  return {
    redis,
    server,
    bus,
    service,
    key,
    found,
    outcomes,
    /** Publishes the next message, and keeps it. Returns its payload. */
    publish(data?: unknown, ttlMs = TTL_MS): Buffer {
      number++;
      const payload = payloadOf(data ?? number, `p.~1-${number}`);
      const list = { key, size: 1_000, ttlMs };
      server.publish({ channel: 'a', kind: 'channel', payload, list });
      return payload;
    },
    /** Publishes as a client that has no right to the key of the list. */
    forge(payload: Buffer): void {
      server.publish({ channel: 'a', kind: 'channel', payload });
    },
    observe(options: { since?: string | undefined } = {}): void {
      const subscription = service
        .observe('a', {
          ...options,
          recover: true,
          onSubscribed: (outcome) => {
            outcomes.push(outcome);
            found.push(outcome.recovered ? 'recovered' : 'lost');
          },
        })
        .subscribe(({ data }) => found.push(data));
      closeAfterTest(async () => subscription.unsubscribe());
    },
    async settle(): Promise<void> {
      for (let calm = 0; calm < 8; calm = server.isIdle ? calm + 1 : 0) await setImmediate();
    },
  };
}

/** A reader that has message 1, and is away. */
const startAway = async (options: object = {}) => {
  const started = await start(options);
  started.observe();
  await started.settle();
  started.publish();
  await started.settle();
  expect(started.found).toEqual(['lost', 1]);
  started.redis.cut();
  return started;
};
type Away = Awaited<ReturnType<typeof startAway>>;

describe('recovery', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
    Logger.overrideLogger(false);
  });
  afterEach(async () => {
    vi.useRealTimers();
    vi.restoreAllMocks();
    await closeAll();
  });

  it.each<[string, (it: Away) => void]>([
    ['was removed', ({ server, key }) => server.lists.expire(key)],
    [
      'has ended early, by the ttl of one message',
      (it) => {
        it.publish(2, 10);
        vi.setSystemTime(Date.now() + 11);
      },
    ],
  ])('is not possible where the history %s', async (_, remove) => {
    const away = await startAway();
    away.publish();
    remove(away);
    away.publish('kept');
    away.redis.restore();
    await away.settle();
    expect(away.found).toEqual(['lost', 1, 'lost']);
    away.publish('next');
    await away.settle();
    expect(away.found).toEqual(['lost', 1, 'lost', 'next']);
  });

  it('is not possible where no message is kept, since nothing tells whether one was', async () => {
    const away = await startAway();
    away.server.lists.expire(away.key);
    away.redis.restore();
    await away.settle();
    expect(away.found).toEqual(['lost', 1, 'lost']);
  });

  it('is not possible after an outage that begins before the first messages have arrived', async () => {
    const it = await start();
    it.publish();
    it.observe();
    await it.settle();
    it.redis.cut();
    it.publish();
    it.redis.restore();
    await it.settle();
    expect(it.found).toEqual(['lost', 'lost']);
    vi.setSystemTime(Date.now() + 1_000);
    it.redis.cut();
    it.publish();
    it.redis.restore();
    await it.settle();
    expect(it.found).toEqual(['lost', 'lost', 'recovered', 3]);
  });

  it('is of all that was missed since the first outage where another one ends its read', async () => {
    const away = await startAway();
    const from = new Date();
    vi.setSystemTime(Date.now() + 1_000);
    away.publish();
    const read = vi.spyOn(away.server, 'readLists').mockImplementation(({ wire }, _, onAnswer) =>
      wire.add(
        () => undefined,
        Infinity,
        () => onAnswer(new Error('cut')),
      ),
    );
    away.redis.restore();
    while (read.mock.calls.length === 0) await setImmediate();
    read.mockRestore();
    away.server.disconnectAll();
    away.publish();
    await eventually(() => away.found.length === 5);
    expect(away.found).toEqual(['lost', 1, 'recovered', 2, 3]);
    expect(away.outcomes[1]?.gap?.from).toEqual(from);
  });

  it('tells the outage where too many live messages wait for its read', async () => {
    const away = await startAway();
    const read = vi.spyOn(away.server, 'readLists').mockImplementation(() => undefined);
    away.redis.restore();
    while (read.mock.calls.length === 0) await setImmediate();
    for (let i = 0; i <= 10_000; i++) away.forge(payloadOf(`live ${i}`, ''));
    await away.settle();
    expect(away.found.slice(0, 4)).toEqual(['lost', 1, 'lost', 'live 0']);
    expect(away.found).toHaveLength(10_004);
    expect(away.outcomes[1]?.gap?.from).toBeInstanceOf(Date);
  });

  it('is not possible after an outage that follows a read which has failed', async () => {
    const away = await startAway();
    const read = vi
      .spyOn(away.server, 'readLists')
      .mockImplementation((_, __, onAnswer) => onAnswer(new Error('no answer')));
    away.publish();
    away.redis.restore();
    await eventually(() => away.found.length === 3);
    read.mockRestore();
    // The reader has no position: it knows no message that the history could be compared with.
    away.publish();
    await away.settle();
    away.redis.cut();
    away.publish();
    away.redis.restore();
    await away.settle();
    expect(away.found).toEqual(['lost', 1, 'lost', 3, 'lost']);
    away.publish();
    await away.settle();
    away.redis.cut();
    away.publish();
    away.redis.restore();
    await away.settle();
    expect(away.found).toEqual(['lost', 1, 'lost', 3, 'lost', 5, 'recovered', 6]);
  });

  it('drops the late copies of messages that the history has removed before, and no others', async () => {
    const it = await start();
    const keep = (data: string, mid: string): void => {
      const list = { key: it.key, size: 1, ttlMs: TTL_MS };
      it.server.publish({ channel: 'a', kind: 'channel', payload: payloadOf(data, mid), list });
    };
    // Redis delivers to this process from here on.
    const other = it.service.observe('a').subscribe();
    closeAfterTest(async () => other.unsubscribe());
    await it.settle();
    it.redis.delay(Infinity);
    keep('removed', 'p.~1-1');
    keep('kept', 'q.~1-1');
    // Not 0, which would end the other delays.
    it.redis.delay(Number.MIN_VALUE);
    const since = await it.service.position('a');
    it.observe({ since });
    await eventually(() => it.found.length === 1);
    it.redis.delay(0);
    await it.settle();
    expect(it.found).toEqual(['recovered']);
    keep('next', 'r.~1-1');
    await it.settle();
    keep('last', 'p.~1-2');
    await it.settle();
    expect(it.found).toEqual(['recovered', 'next', 'last']);
  });

  it.each([true, false])(
    'in a Cluster reads again where the first message of a stream may overtake earlier ones (in order: %s)',
    async (isOrdered) => {
      const it = await start();
      vi.spyOn(it.bus.broker, 'countsReceivers').mockReturnValue(isOrdered);
      it.observe();
      await it.settle();
      it.publish();
      await it.settle();
      // The old owner of the slot delivers it later.
      it.redis.dropNext();
      const late = it.publish();
      const list = { key: it.key, size: 1_000, ttlMs: TTL_MS };
      const payload = payloadOf(3, 'p.~2-1');
      it.server.publish({ channel: 'a', kind: 'channel', payload, list });
      await it.settle();
      it.forge(late);
      await it.settle();
      expect(it.found).toEqual(isOrdered ? ['lost', 1, 3, 2] : ['lost', 1, 2, 3]);
    },
  );

  describe('with messages of a client that uses the ids of others', () => {
    it.each([
      ['of no message', 'x.~1-1'],
      ['of a message to come', 'p.~1-3'],
      ['of an earlier one', 'p.~1-1'],
    ])('hands out nothing twice, and all or nothing, with an id %s', async (_, mid) => {
      const it = await start();
      it.observe();
      await it.settle();
      it.publish();
      it.publish();
      await it.settle();
      it.forge(payloadOf('forged', mid));
      await it.settle();
      it.redis.cut();
      it.publish();
      it.publish();
      it.redis.restore();
      await it.settle();
      const { found } = it;
      const honest = found.filter((entry) => entry !== 'forged');
      expect(honest.slice(0, 3)).toEqual(['lost', 1, 2]);
      const isRecovered = honest.includes('recovered');
      expect(honest.slice(-1)).toEqual(isRecovered ? [4] : ['lost']);
      expect(honest.filter((entry) => typeof entry === 'number')).toEqual(
        isRecovered ? [1, 2, 3, 4] : [1, 2],
      );
    });

    it('has no position behind messages that are still to come', async () => {
      const it = await start();
      const found: unknown[] = [];
      const subscription = it.service
        .observe('a', { recover: true })
        .subscribe(({ data, id, position }) => {
          const isOwn = position?.startsWith(`${id}@`) === true;
          found.push(isOwn || position === undefined ? data : `${String(data)} at ${position}`);
        });
      closeAfterTest(async () => subscription.unsubscribe());
      await it.settle();
      it.redis.delay(Infinity);
      it.forge(payloadOf('forged', 'p.~1-2'));
      for (let i = 0; i < 4; i++) it.publish();
      // Nothing tells now what the reader has missed.
      it.server.lists.expire(it.key);
      it.publish();
      it.redis.delay(0);
      await it.settle();
      expect(found).toEqual(['forged', 1, 2, 3, 4, 5]);
    });

    it('stays where it was after a copy of an earlier message', async () => {
      const it = await start();
      it.observe();
      await it.settle();
      const copy = it.publish();
      it.publish();
      it.publish();
      await it.settle();
      it.forge(copy);
      await it.settle();
      it.redis.cut();
      it.publish();
      it.redis.restore();
      await it.settle();
      expect(it.found).toEqual(['lost', 1, 2, 3, 'recovered', 4]);
    });
  });

  it('drops messages that are larger than maxPayloadBytes, as it drops live ones', async () => {
    const away = await startAway({ maxPayloadBytes: 100 });
    const drops: unknown[] = [];
    const onDrop = ({ reason }: { readonly reason: string }): void => void drops.push(reason);
    telemetry.drop.subscribe(onDrop as never);
    closeAfterTest(async () => telemetry.drop.unsubscribe(onDrop as never));
    away.publish('x'.repeat(100));
    away.publish();
    away.redis.restore();
    await away.settle();
    expect(away.found).toEqual(['lost', 1, 'recovered', 3]);
    expect(drops).toEqual(['too-large']);
    expect(away.bus.record.dropped).toBe(1);
    const { messages } = await away.service.history('a');
    expect(messages.map(({ data }) => data)).toEqual([1, 3]);
  });

  it('reads the end only of a history of another server, and decodes each message once', async () => {
    const it = await start();
    for (let i = 0; i < 100; i++) it.publish();
    const position = (await it.service.position('a')) ?? '';
    const reads = vi.spyOn(it.server, 'readLists');
    const decodes = vi.spyOn(it.bus.codec, 'decode');
    const since = [position.replace(/@.{8}/, '@00000000'), position.replace(/^[^@]+/, 'x.~1-1')];
    const decoded: number[] = [];
    for (const text of since) {
      decodes.mockClear();
      expect((await it.service.history('a', { since: text })).recovered).toBe(false);
      decoded.push(decodes.mock.calls.length);
    }
    expect(decoded).toEqual([4, 100]);
    expect(reads.mock.calls.flatMap(([, asked]) => asked.map(({ count }) => count))).toEqual([
      4, 4, 13, 49, 193,
    ]);
  });

  it('counts the outage, for the record', async () => {
    const away = await startAway();
    away.redis.restore();
    await away.settle();
    expect(away.bus.record.gaps).toBe(1);
  });
});
