import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { PubSubMessage } from 'nestjs-redis-pubsub';
import { closeAfterTest } from '../../support/app.js';
import { Random } from '../../support/random.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startService, type ServiceApp } from '../module/service-app.js';

const CHANNELS = ['a', 'b', 'c'];
const ROUNDS = 40;
const history = { '*': { size: 20_000, ttl: 600_000 } };

/** What one reader received: data, and `undefined` where it was told that messages are lost. */
function read({ service }: ServiceApp, channel: string): unknown[] {
  const found: unknown[] = [];
  const onSubscribed = ({ recovered }: { readonly recovered: boolean }): void => {
    if (!recovered) found.push(undefined);
  };
  const subscription = service
    .observe(channel, { recover: true, onSubscribed })
    .subscribe(({ data }: PubSubMessage) => found.push(data));
  closeAfterTest(async () => subscription.unsubscribe());
  return found;
}

/** The parts of what a reader received, between the places where it was told that messages are lost. */
function partsOf(found: readonly unknown[]): unknown[][] {
  const parts: unknown[][] = [[]];
  for (const it of found) {
    if (it === undefined) parts.push([]);
    else parts.at(-1)?.push(it);
  }
  return parts.filter((part) => part.length > 0);
}

/** The parts of the truth that begin as these do, and are as long. None overlaps another. */
function partsIn(truth: readonly unknown[], parts: readonly unknown[][]): unknown[][] {
  let from = 0;
  return parts.map((part) => {
    const at = truth.indexOf(part[0], from);
    from = at + part.length;
    return truth.slice(at, from);
  });
}

describe('recovery, while connections are killed', () => {
  const redis = useRedis();

  it('hands out what Redis published, each message once, in order and without a hole', async () => {
    const random = new Random(7);
    const retryStrategy = (): number => 1 + random.below(20);
    const connection = { url: redis.url, retryStrategy };
    const start = () => startService(redis, { history, connection, probeInterval: 0 });
    const publishers = [await start(), await start()];
    const readers = [await start(), await start()];
    const found = readers.flatMap((it) => CHANNELS.map((name) => ({ name, all: read(it, name) })));
    await eventually(() => found.every(({ all }) => all.length > 0));
    const allConnected = (): Promise<void> =>
      eventually(() =>
        [...publishers, ...readers].every(({ service }) => service.status === 'connected'),
      );
    let number = 0;
    const outcomes: Promise<unknown>[] = [];
    let recoveries = 0;
    for (const it of readers) {
      await it.service.subscribe('a', () => undefined, {
        recover: true,
        onSubscribed: ({ recovered }) => void (recovered && recoveries++),
      });
    }
    const publishSome = async (): Promise<void> => {
      for (let i = 0; i < 60; i++) {
        const { service } = publishers[i % 2] as ServiceApp;
        outcomes.push(service.publish(CHANNELS[i % 3] ?? '', ++number).catch(() => undefined));
        if (random.next() < 0.2) await delay(1);
      }
    };
    for (let round = 0; round < ROUNDS; round++) {
      const type = random.next() < 0.7 ? 'pubsub' : 'normal';
      const killed = redis.client.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
      await publishSome();
      await killed;
      if (round % 2 === 0) await allConnected();
    }
    await Promise.all(outcomes);
    await allConnected();
    for (const name of CHANNELS) await publishers[0]?.service.publish(name, `end of ${name}`);
    for (const { name, all } of found) await eventually(() => all.includes(`end of ${name}`));
    for (const { name, all } of found) {
      const { messages } = await (publishers[0] as ServiceApp).service.history(name);
      const truth = messages.map(({ data }) => data);
      expect(partsOf(all)).toEqual(partsIn(truth, partsOf(all)));
      expect(all.findLast((it) => it !== undefined)).toBe(truth.at(-1));
    }
    expect(recoveries).toBeGreaterThan(ROUNDS / 4);
  });
});
