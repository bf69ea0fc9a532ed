import type { Subscription } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  type PubSubMessage,
  type PubSubRecovery,
  type RecoverOptions,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import { closeAfterTest } from '../../support/app.js';
import { IN_MEMORY } from '../../support/in-memory.js';
import { eventually, useRedis } from '../../support/redis.js';
import { HAS_SHARDED } from '../../support/sharded.js';
import { startService, type ServiceApp } from '../module/service-app.js';

const history = { 'news.*': { size: 20, ttl: 60_000 } };

/** What one observer found, in its order: data, and how each recovery ended. */
class Reader {
  readonly found: unknown[] = [];
  readonly messages: PubSubMessage[] = [];
  readonly outcomes: PubSubRecovery[] = [];
  readonly #subscription: Subscription;

  constructor({ service }: ServiceApp, channel: string, options: Partial<RecoverOptions> = {}) {
    const onSubscribed = (outcome: PubSubRecovery): void => {
      this.outcomes.push(outcome);
      this.found.push(outcome.recovered ? 'recovered' : 'lost');
    };
    const all = { recover: true, ...options, onSubscribed } as const;
    this.#subscription = service.observe(channel, all).subscribe((message) => {
      this.messages.push(message);
      this.found.push(message.data);
    });
    closeAfterTest(async () => this.#subscription.unsubscribe());
  }

  get position(): string | undefined {
    return this.messages.at(-1)?.position ?? this.outcomes.at(-1)?.position;
  }

  stop(): void {
    this.#subscription.unsubscribe();
  }

  /** What it found, as soon as it has this many. */
  async first(count: number): Promise<readonly unknown[]> {
    await eventually(() => this.found.length >= count);
    return this.found;
  }
}

describe('an observer with recover', () => {
  const redis = useRedis();
  const start = (options: RedisPubSubModuleOptions = {}): Promise<ServiceApp> =>
    startService(redis, { history, ...options });
  /** Ends the subscriptions, publishes in that time by a service that is connected, and waits for the recovery. */
  const away = async (reader: Reader, publish: () => Promise<unknown>): Promise<void> => {
    const before = reader.outcomes.length;
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await publish();
    await eventually(() => reader.outcomes.length > before);
  };

  it.each([{}, { prefix: 'shop:' }, { sharded: true }].slice(0, HAS_SHARDED ? 3 : 2))(
    'receives what was published while it was away, before the next message (%o)',
    async (options) => {
      const [{ service }, subscriber] = [await start(options), await start(options)];
      const reader = new Reader(subscriber, 'news.a');
      expect(await reader.first(1)).toEqual(['lost']);
      await service.publish('news.a', 1);
      expect(await reader.first(2)).toEqual(['lost', 1]);
      await away(reader, async () => {
        for (const it of [2, 3, 4, 5, 6]) await service.publish('news.a', it);
      });
      await service.publish('news.a', 7);
      expect(await reader.first(9)).toEqual(['lost', 1, 'recovered', 2, 3, 4, 5, 6, 7]);
      expect(reader.outcomes[1]?.gap?.from).toBeInstanceOf(Date);
      const { messages } = await service.history('news.a');
      expect(reader.messages.map(({ id, position }) => [id, position])).toEqual(
        messages.map(({ id, position }) => [id, position]),
      );
    },
  );

  it('is told that messages are lost when there were too many, and goes on', async () => {
    const [{ service }, subscriber] = [await start(), await start()];
    await service.publish('news.b', 0);
    const since = await service.position('news.b');
    for (let i = 1; i <= 20; i++) await service.publish('news.b', i);
    const reader = new Reader(subscriber, 'news.b', { since });
    expect(await reader.first(1)).toEqual(['lost']);
    await service.publish('news.b', 'next');
    expect(await reader.first(2)).toEqual(['lost', 'next']);
  });

  it('is told that messages are lost where it knows no message of the channel, and goes on', async () => {
    const [{ service }, subscriber] = [await start(), await start()];
    const reader = new Reader(subscriber, 'news.c');
    expect(await reader.first(1)).toEqual(['lost']);
    await away(reader, async () => undefined);
    expect(await reader.first(2)).toEqual(['lost', 'lost']);
    await service.publish('news.c', 1);
    expect(await reader.first(3)).toEqual(['lost', 'lost', 1]);
    await away(reader, async () => service.publish('news.c', 2));
    expect(await reader.first(5)).toEqual(['lost', 'lost', 1, 'recovered', 2]);
  });

  it('goes on at another process, and from the text of a header', async () => {
    const [one, other] = [await start(), await start()];
    const reader = new Reader(one, 'news.d');
    expect(await reader.first(1)).toEqual(['lost']);
    for (const it of [1, 2]) await one.service.publish('news.d', it);
    expect(await reader.first(3)).toEqual(['lost', 1, 2]);
    reader.stop();
    for (const it of [3, 4]) await one.service.publish('news.d', it);
    const next = new Reader(other, 'news.d', { since: reader.position });
    expect(await next.first(3)).toEqual(['recovered', 3, 4]);
    const lost = new Reader(other, 'news.d', { since: 'anything at all' });
    expect(await lost.first(1)).toEqual(['lost']);
    const same = new Reader(other, 'news.d', { since: next.position });
    expect(await same.first(1)).toEqual(['recovered']);
    await one.service.publish('news.d', 5);
    expect(await next.first(4)).toEqual(['recovered', 3, 4, 5]);
    expect(await lost.first(2)).toEqual(['lost', 5]);
    expect(await same.first(2)).toEqual(['recovered', 5]);
  });

  it('with mode "last" has the newest message at once, and after an outage', async () => {
    const [{ service }, subscriber] = [await start(), await start()];
    for (const it of [1, 2]) await service.publish('news.e', it);
    const reader = new Reader(subscriber, 'news.e', { mode: 'last' });
    expect(await reader.first(2)).toEqual(['recovered', 2]);
    await service.publish('news.e', 3);
    expect(await reader.first(3)).toEqual(['recovered', 2, 3]);
    await away(reader, async () => undefined);
    expect(await reader.first(4)).toEqual(['recovered', 2, 3, 'recovered']);
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await Promise.all([4, 5, 6].map((it) => service.publish('news.e', it)));
    await eventually(() => reader.found.at(-1) === 6);
  });

  it('may be a handler, which subscribe calls', async () => {
    const [{ service }, subscriber] = [await start(), await start()];
    const found: unknown[] = [];
    let gaps = 0;
    const subscription = await subscriber.service.subscribe(
      'news.f',
      ({ data }) => found.push(data),
      { recover: true, onSubscribed: ({ gap }) => void (gap && gaps++) },
    );
    await service.publish('news.f', 1);
    await eventually(() => found.length === 1);
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    for (const it of [2, 3]) await service.publish('news.f', it);
    await eventually(() => gaps === 1 && found.length === 3);
    expect(found).toEqual([1, 2, 3]);
    subscription.unsubscribe();
  });

  it('receives messages without history as they come, and they move no position', async () => {
    const [{ service }, subscriber] = [await start(), await start()];
    const reader = new Reader(subscriber, 'news.g');
    expect(await reader.first(1)).toEqual(['lost']);
    await service.publish('news.g', 1);
    await service.publish('news.g', 'plain', { history: false });
    expect(await reader.first(3)).toEqual(['lost', 1, 'plain']);
    expect(reader.messages[1]?.position).toBe(reader.messages[0]?.position);
    await away(reader, async () => service.publish('news.g', 2));
    expect(await reader.first(5)).toEqual(['lost', 1, 'plain', 'recovered', 2]);
  });

  it.skipIf(IN_MEMORY)('is told that messages are lost where Redis has restarted', async () => {
    const [{ service }, subscriber] = [await start(), await start()];
    const reader = new Reader(subscriber, 'news.h');
    expect(await reader.first(1)).toEqual(['lost']);
    await service.publish('news.h', 1);
    expect(await reader.first(2)).toEqual(['lost', 1]);
    await redis.stop();
    await redis.start();
    await eventually(() => reader.outcomes.length === 2);
    expect(await reader.first(3)).toEqual(['lost', 1, 'lost']);
  });

  it.skipIf(IN_MEMORY)(
    'is told that messages are lost where the publisher has another db',
    async () => {
      const [{ service }, subscriber] = [
        await start({ connection: `${redis.url}/1` }),
        await start(),
      ];
      const reader = new Reader(subscriber, 'news.j');
      expect(await reader.first(1)).toEqual(['lost']);
      await service.publish('news.j', 1);
      expect(await reader.first(2)).toEqual(['lost', 1]);
      await away(reader, async () => service.publish('news.j', 2));
      expect((await reader.first(3)).slice(0, 3)).toEqual(['lost', 1, 'lost']);
    },
  );

  it.skipIf(IN_MEMORY)('goes on where Redis refuses to read, and says so', async () => {
    const subscriber = await start();
    await redis.client.set('_pubsub.history:{news.i}', 'no list');
    const reader = new Reader(subscriber, 'news.i');
    expect(await reader.first(1)).toEqual(['lost']);
    await redis.client.publish('news.i', '1');
    expect(await reader.first(2)).toEqual(['lost', 1]);
    expect(subscriber.log.of('error')).toEqual([
      expect.stringMatching(/^Could not read the history of "news.i": WRONGTYPE/) as string,
    ]);
  });

  it('refuses options that make no sense', async () => {
    const { service } = await start();
    const observe = (options: object) => () => service.observe('a', options as RecoverOptions);
    expect(observe({ recover: 'yes' })).toThrow('"recover"');
    expect(observe({ since: 'x' })).toThrow('"since"');
    expect(observe({ recover: true, since: 7 })).toThrow('"since"');
    expect(observe({ recover: true, mode: 'first' })).toThrow('"mode"');
    expect(observe({ recover: true, onLost: () => undefined })).toThrow('"onLost"');
    expect(observe({ recover: true, onSubscribed: 7 })).toThrow('"onSubscribed"');
    expect(() => service.observePattern('a.*', { recover: true } as never)).toThrow('"recover"');
    expect(() => service.observe('a}b', { recover: true })).toThrow('hash tag');
  });
});
