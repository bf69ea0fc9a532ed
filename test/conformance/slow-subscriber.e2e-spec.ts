import { whenSubscribed } from '../../src/broker/broker.js';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { beforeAll, describe, expect, it } from 'vitest';
import type { TelemetryEvents } from 'nestjs-redis-pubsub';
import { closeAfterTest } from '../support/app.js';
import { eventually, useRedis } from '../support/redis.js';
import { startProxy } from '../support/tcp-proxy.js';
import { CollectedLog, Collector } from './collector.js';
import { createTestBroker } from './test-broker.js';

const COUNTER = 'client_output_buffer_limit_disconnections';
/** Fields of INFO that no client reads. The proxy writes the counter in their place. */
const UNUSED = 'active_defrag_hits:0\r\nactive_defrag_misses:0\r\nactive_defrag_key_hits:0';
const counting = (cuts: number): string => `${COUNTER}:${cuts}\r\nx:`.padEnd(UNUSED.length, '0');

const FLOOD = `for i = 1, ARGV[2] do redis.call('PUBLISH', ARGV[1], ARGV[3]) end`;

function collect<Key extends 'overrun'>(key: Key): TelemetryEvents[Key][] {
  const events: TelemetryEvents[Key][] = [];
  const listener = (event: unknown): void => void events.push(event as TelemetryEvents[Key]);
  subscribe(`nestjs-redis-pubsub:${key}`, listener);
  closeAfterTest(async () => void unsubscribe(`nestjs-redis-pubsub:${key}`, listener));
  return events;
}

async function open(port: number) {
  const log = new CollectedLog();
  const broker = createTestBroker({ host: '127.0.0.1', port }, { log });
  await broker.connect(10_000);
  const collector = new Collector();
  await whenSubscribed(broker, { kind: 'channel', name: 'flood' }, collector);
  return { broker, collector, log };
}

describe('a subscriber that is slower than its messages', () => {
  const redis = useRedis();
  let hasCounter = false;
  beforeAll(async () => {
    hasCounter = (await redis.client.info('stats')).includes(COUNTER);
  });

  it('is distinguished from a lost connection where Redis counts the clients that it disconnected', async () => {
    const proxy = await startProxy(redis.port);
    // Redis 7.0 and earlier do not have the counter: the proxy answers as a later version does.
    if (!hasCounter) proxy.replace(UNUSED, counting(0));
    const overruns = collect('overrun');
    const { collector, log } = await open(proxy.port);
    const resubscribed = (times: number) => eventually(() => collector.gaps.length === times);

    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await resubscribed(1);
    expect(log.lines.filter((line) => line.includes('output buffers'))).toEqual([]);

    await redis.client.config('SET', 'client-output-buffer-limit', 'pubsub 1mb 1mb 0');
    if (!hasCounter) proxy.replace(UNUSED, counting(1));
    // Valkey 9 disconnects only a client that does not read.
    proxy.pause();
    await redis.client.eval(FLOOD, 0, 'flood', 256, 'x'.repeat(64 * 1024));
    await redis.subscribers('flood', 0);
    proxy.resume();
    await resubscribed(2);
    await eventually(() => overruns.length === 1);
    expect(overruns).toEqual([{ transport: 'test', connections: 1 }]);
    expect(log.lines).toContainEqual(
      expect.stringMatching(
        /^warn: .* Redis disconnected 1 clients whose output buffers were full/,
      ),
    );
    await redis.client.config('SET', 'client-output-buffer-limit', 'pubsub 32mb 8mb 60');
  });
});
