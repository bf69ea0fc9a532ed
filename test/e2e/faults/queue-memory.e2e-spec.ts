import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { channel as diagnosticsChannel } from 'node:diagnostics_channel';
import { deserialize, serialize, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RedisPubSubServerOptions, TelemetryEvents } from 'nestjs-redis-pubsub';
import { startService } from '../../support/app.js';
import { Gate } from '../../support/gate.js';
import { eventHandlers } from '../../support/handlers.js';
import { eventually, useRedis } from '../../support/redis.js';

const MESSAGES = 5_000;
const MEGABYTE = 1_000_000;

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** The bytes of all buffers of this process that are still in use. */
function bufferBytes(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

describe(`${MESSAGES} small messages, each between large ones`, () => {
  const redis = useRedis();

  /** Each message that is kept arrives in a chunk of its own, with a message of 60 kB that is not kept. */
  async function publish(name: string, payload: Buffer | string): Promise<void> {
    const large = 'x'.repeat(60_000);
    for (let i = 0; i < MESSAGES; i += 50) {
      await Promise.all(
        Array.from({ length: 50 }, async () => {
          await redis.client.publish('memory.large', large);
          await redis.client.publish(name, payload);
        }),
      );
    }
  }

  it.each<[string, RedisPubSubServerOptions]>([
    ['a handler', {}],
    [
      'a handler behind a deserializer',
      { deserializer: { deserialize: (it: unknown) => ({ data: it }) } },
    ],
  ])('do not keep what the socket read while they wait for %s', async (_, options) => {
    const gate = new Gate();
    let handled = 0;
    let large = 0;
    const busy = eventHandlers(
      { 'memory.busy': () => gate.opened.then(() => handled++) },
      {
        concurrency: 1,
      },
    );
    const ignored = eventHandlers({ 'memory.large': () => large++ });
    await startService(
      { module: class {}, imports: [busy, ignored] },
      { connection: redis.url, ...options },
    );
    const before = bufferBytes();
    await publish('memory.busy', '1234567');
    await eventually(() => large === MESSAGES);
    expect(bufferBytes() - before).toBeLessThan(10 * MEGABYTE);
    gate.open();
    await eventually(() => handled === MESSAGES);
  });

  it.each<[string, RedisPubSubServerOptions['codec'], Buffer]>([
    ['that are not text', 'envelope', Buffer.from([0xff, 0xfe, 1, 2, 3, 4, 5])],
    [
      'of a codec whose values are views of the payload',
      { encode: serialize, decode: deserialize, envelope: false },
      serialize(Buffer.from([1, 2, 3, 4, 5, 6, 7])),
    ],
    [
      'of a codec that returns the payload',
      { encode: () => '', decode: (payload) => payload, envelope: false },
      Buffer.from('1234567'),
    ],
  ])(
    'do not keep what the socket read when a handler keeps their data: payloads %s',
    async (_, codec, payload) => {
      const kept: Uint8Array[] = [];
      @Controller()
      class Keeper {
        @EventPattern<string>('memory.kept')
        keep(@Payload() data: Uint8Array) {
          kept.push(data);
        }
      }
      await startService(
        { module: class {}, controllers: [Keeper] },
        { connection: redis.url, codec },
      );
      const before = bufferBytes();
      await publish('memory.kept', payload);
      await eventually(() => kept.length === MESSAGES);
      expect(bufferBytes() - before).toBeLessThan(10 * MEGABYTE);
      for (const { buffer } of kept) expect(buffer.byteLength).toBeLessThan(200);
    },
  );

  it('counter-proof: a view of a payload keeps its chunk', async () => {
    const chunks = Array.from({ length: 1_000 }, () => Buffer.alloc(60_000));
    const views = chunks.map((chunk) => chunk.subarray(0, 7));
    const before = bufferBytes();
    chunks.length = 0;
    expect(before - bufferBytes()).toBeLessThan(MEGABYTE);
    views.length = 0;
    expect(before - bufferBytes()).toBeGreaterThan(50 * MEGABYTE);
  });
});

describe('messages on 20,000 channels that a publisher made up', () => {
  const redis = useRedis();

  it('are bounded for a handler with order, and each that is dropped is counted', async () => {
    const gate = new Gate();
    let running = 0;
    const drops: TelemetryEvents['drop'][] = [];
    const collect = (event: unknown): void => void drops.push(event as TelemetryEvents['drop']);
    diagnosticsChannel('nestjs-redis-pubsub:drop').subscribe(collect);
    onTestFinished(() => diagnosticsChannel('nestjs-redis-pubsub:drop').unsubscribe(collect));
    const run = (): Promise<void> => {
      running++;
      return gate.opened;
    };
    const { log } = await startService(eventHandlers({ 'many.*': run }, { order: 'channel' }), {
      connection: redis.url,
    });
    await Promise.all(
      Array.from({ length: 20_000 }, (_, i) => redis.client.publish(`many.${i}`, '1')),
    );
    await eventually(() => drops.length === 9_000);
    expect(running).toBe(1_000);
    expect(new Set(drops.map(({ reason }) => reason))).toEqual(new Set(['overflow']));
    const dropped = /^The full queue of the handler of "many.\*" dropped (\d+) more messages$/;
    const counted = (): number =>
      log.of('warn').reduce((sum, line) => sum + Number(dropped.exec(line)?.[1] ?? 1), 0);
    await eventually(() => counted() === 9_000);
    expect(log.of('warn').length).toBeLessThan(60);
    gate.open();
  });
});
