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

const MESSAGES = 2_000;
const MEGABYTE = 1_000_000;

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** The bytes of all buffers of this process that are still in use. */
function bufferBytes(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

describe(`${MESSAGES} small messages, each between two large ones`, () => {
  const redis = useRedis();

  /**
   * Redis sends them without a pause, so that a chunk of the socket has a small message and parts of large ones.
   * It would disconnect a subscriber with too many bytes: `received` counts those that have arrived.
   */
  async function publish(name: string, payload: Buffer | string, received: () => number) {
    const large = 'x'.repeat(60_000);
    for (let count = 100; count <= MESSAGES; count += 100) {
      const pipeline = redis.client.pipeline();
      for (let j = 0; j < 100; j++) pipeline.publish(name, payload).publish('memory.large', large);
      await pipeline.exec();
      await eventually(() => received() === count);
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
    await publish('memory.busy', '1234567', () => large);
    expect(handled).toBe(0);
    await eventually(() => bufferBytes() - before < 10 * MEGABYTE);
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
      await publish('memory.kept', payload, () => kept.length);
      await eventually(() => bufferBytes() - before < 10 * MEGABYTE);
      for (const { buffer } of kept) expect(buffer.byteLength).toBeLessThan(200);
    },
  );

  it('counter-proof: a view of a payload keeps its chunk', async () => {
    const before = bufferBytes();
    const views = Array.from({ length: 1_000 }, () => Buffer.alloc(60_000).subarray(0, 7));
    expect(bufferBytes() - before).toBeGreaterThan(50 * MEGABYTE);
    expect(views).toHaveLength(1_000);
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
