import { channel as diagnosticsChannel } from 'node:diagnostics_channel';
import { setImmediate } from 'node:timers/promises';
import { Controller } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { TelemetryEvents } from 'nestjs-redis-pubsub';
import { startService } from '../../support/app.js';
import { startBuiltIn } from '../../support/built-in.js';
import { Gate } from '../../support/gate.js';
import { eventHandlers } from '../../support/handlers.js';
import { eventually, useRedis } from '../../support/redis.js';
import { IN_MEMORY } from '../../support/in-memory.js';

const MESSAGES = 500;

const numbers = (length: number): number[] => Array.from({ length }, (_, i) => i);

/** The drops of this process until the test ends. */
function collectDrops(): TelemetryEvents['drop'][] {
  const drops: TelemetryEvents['drop'][] = [];
  const collect = (event: unknown): void => void drops.push(event as TelemetryEvents['drop']);
  const channel = diagnosticsChannel('nestjs-redis-pubsub:drop');
  channel.subscribe(collect);
  onTestFinished(() => channel.unsubscribe(collect));
  return drops;
}

describe(`${MESSAGES} messages at once`, () => {
  const redis = useRedis();

  async function publish(channel: string, data: readonly unknown[]): Promise<void> {
    await Promise.all(data.map((it) => redis.client.publish(channel, JSON.stringify(it))));
  }

  describe('with `concurrency: 10`', () => {
    it('run at most 10 handlers at a time, and each message is handled in order', async () => {
      let running = 0;
      let most = 0;
      const received: unknown[] = [];
      await startService(
        eventHandlers(
          {
            'load.bounded': async (data) => {
              received.push(data);
              most = Math.max(most, ++running);
              await setImmediate();
              running--;
            },
          },
          { concurrency: 10 },
        ),
        { connection: redis.url },
      );
      await publish('load.bounded', numbers(MESSAGES));
      await eventually(() => received.length >= MESSAGES && running === 0);
      expect(most).toBe(10);
      expect(received).toEqual(numbers(MESSAGES));
    });

    it.skipIf(IN_MEMORY)(
      'counter-proof: the built-in transport (Transport.REDIS) starts a handler for each message at once',
      async () => {
        let running = 0;
        const gate = new Gate();
        await startBuiltIn(
          eventHandlers(
            {
              'load.builtin': async () => {
                running++;
                await gate.opened;
              },
            },
            { concurrency: 10 },
          ),
          { port: redis.port },
        );
        await redis.subscribers('load.builtin', 1);
        await publish('load.builtin', numbers(MESSAGES));
        await eventually(() => running >= MESSAGES);
        expect(running).toBe(MESSAGES);
        gate.open();
      },
    );
  });

  describe("with `order: 'channel'`", () => {
    it('are handled one after the other on each channel, and channels run concurrently', async () => {
      const running = new Map<string, number>();
      const ended = new Map<string, unknown[]>();
      const overlaps: string[] = [];
      let mostChannels = 0;
      await startService(
        eventHandlers(
          {
            'order.*': async (data, channel) => {
              if (running.has(channel)) overlaps.push(channel);
              running.set(channel, 1);
              mostChannels = Math.max(mostChannels, running.size);
              // Early messages take longer, so that they would end last without the option.
              for (let left = 20 - Number(data) / 5; left > 0; left--) await setImmediate();
              running.delete(channel);
              ended.set(channel, [...(ended.get(channel) ?? []), data]);
            },
          },
          { order: 'channel' },
        ),
        { connection: redis.url },
      );
      const channels = ['order.a', 'order.b', 'order.c', 'order.d', 'order.e'];
      const each = numbers(MESSAGES / channels.length);
      await Promise.all(channels.map((channel) => publish(channel, each)));
      await eventually(() => channels.every((it) => ended.get(it)?.length === each.length));
      expect(overlaps).toEqual([]);
      expect(mostChannels).toBe(channels.length);
      for (const channel of channels) expect(ended.get(channel)).toEqual(each);
    });

    it.skipIf(IN_MEMORY)(
      'counter-proof: the built-in transport (Transport.REDIS) lets a later message overtake an earlier one',
      async () => {
        const ended: unknown[] = [];
        const gate = new Gate();
        await startBuiltIn(
          eventHandlers(
            {
              'order.builtin': async (data) => {
                if (data === 0) await gate.opened;
                ended.push(data);
              },
            },
            { order: 'channel' },
          ),
          { port: redis.port },
        );
        await redis.subscribers('order.builtin', 1);
        await publish('order.builtin', [0, 1]);
        await eventually(() => ended.length === 1);
        gate.open();
        await eventually(() => ended.length === 2);
        expect(ended).toEqual([1, 0]);
      },
    );
  });

  describe('with `maxQueue`', () => {
    it.each([
      ['drop-oldest', [0, MESSAGES - 2, MESSAGES - 1]],
      ['drop-newest', [0, 1, 2]],
    ] as const)(
      '%s drops the messages that do not fit, and counts them',
      async (overflow, expected) => {
        const channel = `overflow.${overflow}`;
        const received: unknown[] = [];
        const drops = collectDrops();
        const gate = new Gate();
        const { log } = await startService(
          eventHandlers(
            {
              [channel]: async (data) => {
                received.push(data);
                await gate.opened;
              },
            },
            { concurrency: 1, maxQueue: 2, overflow },
          ),
          { connection: redis.url },
        );
        await publish(channel, numbers(MESSAGES));
        await eventually(() => drops.length >= MESSAGES - 3);
        gate.open();
        await eventually(() => received.length >= 3);
        expect(received).toEqual(expected);
        expect(drops).toHaveLength(MESSAGES - 3);
        expect(new Set(drops.map(({ reason }) => reason))).toEqual(new Set(['overflow']));
        expect(new Set(drops.map((drop) => drop.channel))).toEqual(new Set([channel]));
        expect(log.of('warn')).toEqual([
          expect.stringContaining(`"${channel}" is slower than its messages`),
        ]);
      },
    );

    it('latest keeps the newest message of each channel, and counts the others', async () => {
      const received: string[] = [];
      const drops = collectDrops();
      const gate = new Gate();
      const { log } = await startService(
        eventHandlers(
          {
            'latest.*': async (data) => {
              received.push(String(data));
              await gate.opened;
            },
          },
          { concurrency: 1, overflow: 'latest' },
        ),
        { connection: redis.url },
      );
      await publish('latest.a', ['a0']);
      await eventually(() => received.length === 1);
      for (let i = 1; i <= 50; i++) {
        await publish('latest.b', [`b${i}`]);
        await publish('latest.a', [`a${i}`]);
      }
      await eventually(() => drops.length === 98);
      gate.open();
      await eventually(() => received.length === 3);
      expect(received).toEqual(['a0', 'b50', 'a50']);
      expect(new Set(drops.map(({ reason }) => reason))).toEqual(new Set(['conflated']));
      expect(log.of('warn')).toEqual([]);
    });

    it('latest is refused for requests, whose callers wait for an answer', async () => {
      @Controller()
      class Prices {
        @MessagePattern('latest.rpc', { concurrency: 1, overflow: 'latest' } as never)
        price(): number {
          return 1;
        }
      }
      const started = startService(
        { module: class {}, controllers: [Prices] },
        { connection: redis.url },
      );
      await expect(started).rejects.toThrow(
        'Expected "overflow" to be "drop-oldest" or "drop-newest" for requests, got "latest" (in the decorator of Prices.price)',
      );
    });

    it('messages that wait when the service closes are dropped and counted', async () => {
      const received: unknown[] = [];
      const drops = collectDrops();
      const gate = new Gate();
      const { app } = await startService(
        eventHandlers(
          {
            'overflow.closing': async (data) => {
              received.push(data);
              await gate.opened;
            },
          },
          { concurrency: 1 },
        ),
        { connection: redis.url },
      );
      await publish('overflow.closing', numbers(3));
      await publish('overflow.closing', ['last']);
      await eventually(() => received.length === 1);
      const before = await redis.client.publish('overflow.closing', '"behind"');
      expect(before).toBe(1);
      const closing = app.close();
      await redis.subscribers('overflow.closing', 0);
      gate.open();
      await closing;
      expect(received).toEqual([0]);
      expect(new Set(drops.map(({ reason }) => reason))).toEqual(new Set(['closing']));
    });
  });
});
