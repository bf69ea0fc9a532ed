import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PubSubGap, type PubSubMessage, type PubSubSubscription } from 'nestjs-redis-pubsub';
import { closeAfterTest } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.js';
import { startService, type ServiceApp } from '../module/service-app.js';

/** A service behind a proxy of its own. */
interface Process extends ServiceApp {
  readonly proxy: TcpProxy;
}

const CHANNELS = ['a', 'b', 'c'];
const two = fc.nat(1);
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      by: two,
      channel: fc.nat(2),
      count: fc.integer({ min: 1, max: 40 }),
    }),
  },
  fc.record({ do: fc.constantFrom('cut publisher' as const, 'cut subscriber' as const), by: two }),
  fc.record({ do: fc.constant('deafen' as const), channel: fc.nat(2), by: two, count: fc.nat(5) }),
  fc.record({ do: fc.constant('observe' as const), by: two, channel: fc.nat(2) }),
  fc.record({
    do: fc.constantFrom('leave' as const, 'yield' as const, 'settle' as const),
    by: two,
  }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
/** What each step does. */
type Acts = { readonly [Name in Step['do']]: (it: Step & { readonly do: Name }) => unknown };

const numberOf = (id: string): number => Number(id.slice(id.lastIndexOf('-') + 1));
const streamOf = (id: string): string => id.slice(0, id.lastIndexOf('-'));

/** The sum of the last number of each stream. */
function lastNumbers(ids: Iterable<string>): number {
  const last = new Map<string, number>();
  for (const id of ids) last.set(streamOf(id), Math.max(last.get(streamOf(id)) ?? 0, numberOf(id)));
  return [...last.values()].reduce((sum, it) => sum + it, 0);
}

/** What one observer received, and how many messages it was told are lost. */
class Observer {
  readonly numbers = new Map<string, number[]>();
  readonly ends = new Set<string>();
  lost = 0;
  gaps = 0;
  subscription: PubSubSubscription | undefined;

  async start({ service }: ServiceApp, pattern: string): Promise<this> {
    const onMessage = ({ id, data }: PubSubMessage): void => {
      // The proxy changed the name of its channel: it is no packet for that.
      if (id === undefined) return;
      const stream = streamOf(id);
      this.numbers.set(stream, [...(this.numbers.get(stream) ?? []), numberOf(id)]);
      if (typeof data === 'string') this.ends.add(data);
    };
    const options = {
      onLost: ({ count }: { readonly count: number }) => void (this.lost += count),
      onSubscribed: (gap?: PubSubGap) => void (gap && this.gaps++),
    };
    this.subscription = pattern.includes('*')
      ? await service.subscribePattern(pattern, onMessage, options)
      : await service.subscribe(pattern, onMessage, options);
    return this;
  }

  /** The numbers between the first and the last one of each stream that did not arrive. */
  get missing(): number {
    return [...this.numbers.values()].reduce((sum, numbers) => {
      const span = (numbers.at(-1) ?? 0) - (numbers[0] ?? 0) + 1;
      return sum + span - numbers.length;
    }, 0);
  }
}

describe('lost messages', () => {
  const redis = useRedis();

  const start = async (): Promise<Process> => {
    const proxy = await startProxy(redis.port);
    const publishBuffer = { maxMessages: 30, maxAge: 60_000 };
    const connection = { url: proxy.url, retryStrategy: () => 1 };
    return { ...(await startService(redis, { connection, publishBuffer })), proxy };
  };

  it('are those that Redis accepted, or may have, and that did not arrive between two that did', async () => {
    const publishers = [await start(), await start()] as const;
    const subscribers = [await start(), await start()] as const;
    const marks = new Map<Process, Set<unknown>>();
    for (const it of subscribers) {
      const found = new Set<unknown>();
      marks.set(it, found);
      await it.service.subscribe('marks', ({ data }) => found.add(data));
    }
    let run = 0;
    let mark = 0;
    let lost = 0;

    const settle = async (outcomes: readonly Promise<unknown>[]): Promise<void> => {
      await Promise.all(outcomes);
      for (const it of subscribers) {
        const before = mark;
        await eventually(async () => {
          await redis.client.publish('marks', String(++mark));
          return [...(marks.get(it) ?? [])].some((found) => Number(found) > before);
        });
        await eventually(() => it.service.status === 'connected');
      }
      await eventually(() => publishers.every(({ service }) => service.status === 'connected'));
    };

    const property = fc.asyncProperty(
      fc.array(step, { minLength: 20, maxLength: 60 }),
      async (steps) => {
        const names = CHANNELS.map((it) => `run${++run}.${it}`);
        const accepted = new Set<string>();
        const witness = redis.client.duplicate();
        closeAfterTest(async () => witness.disconnect());
        witness.on('message', (_: string, text: string) =>
          accepted.add((JSON.parse(text) as { mid: string }).mid),
        );
        await witness.subscribe(...names);
        const observers: { readonly it: Observer; readonly names: readonly string[] }[] = [];
        const guests: { readonly it: Observer }[] = [];
        for (const subscriber of subscribers) {
          for (const name of names) {
            observers.push({ it: await new Observer().start(subscriber, name), names: [name] });
            const glob = `${name.split('.')[0]}.*`;
            observers.push({ it: await new Observer().start(subscriber, glob), names: [name] });
          }
        }
        const outcomes: Promise<unknown>[] = [];
        let uncertain = 0;
        const publish = (by: number, channel: number, data: unknown): void => {
          const { service } = publishers[by] as Process;
          const name = names[channel] as string;
          outcomes.push(
            service.publish(name, data).catch(({ message }: Error) => {
              if (message.includes('may have published')) uncertain++;
            }),
          );
        };
        const acts: Acts = {
          publish: ({ by, channel, count }) => {
            for (let i = 0; i < count; i++) publish(by, channel, i);
          },
          'cut publisher': ({ by }) => publishers[by]?.proxy.cut(),
          'cut subscriber': ({ by }) => subscribers[by]?.proxy.cut(),
          observe: async ({ by, channel }) => {
            const guest = new Observer();
            guests.push({ it: guest });
            await guest.start(subscribers[by] as Process, names[channel] as string);
          },
          leave: ({ by }) => guests[by]?.it.subscription?.unsubscribe(),
          yield: () => new Promise(setImmediate),
          settle: () => settle(outcomes),
          deafen: async ({ by, channel, count }) => {
            const name = names[channel] as string;
            const { proxy } = subscribers[by] as Process;
            await settle(outcomes);
            proxy.replace(`\r\n${name}\r\n`, `\r\n${'~'.repeat(name.length)}\r\n`);
            for (let i = 0; i < count; i++) publish(by, channel, i);
            await settle(outcomes);
            proxy.replace('-', '-');
          },
        };
        for (const it of steps) await acts[it.do](it as never);
        await settle(outcomes);
        for (const by of [0, 1])
          for (const channel of names.keys()) publish(by, channel, `end ${by}`);
        await settle(outcomes);
        for (const { it } of observers) await eventually(() => it.ends.size === 2);
        for (const { it } of [...observers, ...guests]) {
          expect(it.lost).toBe(it.missing);
          it.subscription?.unsubscribe();
          lost += it.lost;
        }
        // A number that Redis has not seen is one of a message that was in flight: no other publish used one.
        expect(lastNumbers(accepted) - accepted.size).toBeLessThanOrEqual(uncertain);
        witness.disconnect();
      },
    );
    await fc.assert(property, { numRuns: 12, endOnFailure: true });
    expect(lost).toBeGreaterThan(0);
  });
});
