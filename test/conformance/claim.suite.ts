import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClosedError, ConnectionError } from 'nestjs-redis-pubsub';
import { whenSubscribed, type Broker } from '../../src/broker/broker.js';
import type { BrokerUnderTest } from './broker-under-test.js';
import { Collector, unique } from './collector.js';

const ttlMs = 60_000;

/** Of all brokers one is the first to claim a bit, or a key. */
export function claimSuite({ open, make }: BrokerUnderTest): void {
  describe('a claim', () => {
    it('is made by the first broker that makes it', async () => {
      const [one, other] = await Promise.all([open(), open()]);
      const key = unique('key');
      expect(await one.claim({ key, ttlMs })).toEqual([true]);
      expect(await other.claim({ key, ttlMs })).toEqual([false]);
      expect(await one.claim({ key, ttlMs })).toEqual([false]);
      expect(await other.claim({ key: unique('key'), ttlMs })).toEqual([true]);
    });

    it('of a bit leaves all other bits of its key', async () => {
      const [one, other] = await Promise.all([open(), open()]);
      const key = unique('bits');
      expect(await one.claim({ key, bits: [7, 0, 8_191], ttlMs })).toEqual([true, true, true]);
      expect(await other.claim({ key, bits: [1, 7, 8_191, 1], ttlMs })).toEqual([
        true,
        false,
        false,
        false,
      ]);
      expect(await other.claim({ key: unique('bits'), bits: [7], ttlMs })).toEqual([true]);
    });

    it('is made once, however brokers, keys and ticks share the claims', async () => {
      const brokers = await Promise.all([open(), open(), open()]);
      const keys = fc.constantFrom('a', 'b', 'c');
      const bits = fc.array(fc.nat(20), { minLength: 1, maxLength: 10 });
      const claims = fc.record({ broker: fc.nat(2), key: keys, bits, isLater: fc.boolean() });
      await fc.assert(
        fc.asyncProperty(fc.array(claims, { maxLength: 60 }), async (all) => {
          const name = unique('any');
          const counts = new Map<string, number>();
          const answers = await Promise.all(
            all.map(async ({ broker, key, bits, isLater }) => {
              if (isLater) await Promise.resolve();
              const claim = { key: `${name}.${key}`, bits, ttlMs };
              return (brokers[broker] as Broker).claim(claim);
            }),
          );
          for (const [i, { key, bits }] of all.entries()) {
            for (const [j, bit] of bits.entries()) {
              const id = `${key} ${bit}`;
              counts.set(id, (counts.get(id) ?? 0) + Number(answers[i]?.[j]));
            }
          }
          expect([...counts.values()].every((count) => count === 1)).toBe(true);
        }),
        { numRuns: 30 },
      );
    });

    it('rejects without a connection, and after close', async () => {
      const claim = { key: unique('early'), ttlMs };
      const early = await make()
        .claim(claim)
        .catch((error: unknown) => error);
      expect(early instanceof ConnectionError || early instanceof ClosedError).toBe(true);
      const broker = await open();
      await broker.close();
      await expect(broker.claim(claim)).rejects.toBeInstanceOf(ClosedError);
      expect(await (await open()).claim(claim)).toEqual([true]);
    });

    it('is made for messages whose greatest age is known', async () => {
      const broker = await open();
      const channel = unique('answered');
      const collector = new Collector();
      expect(broker.lastAnswered({ kind: 'channel', name: channel })).toBeInstanceOf(Date);
      await whenSubscribed(broker, { kind: 'channel', name: channel }, collector);
      await broker.publish(channel, 'x');
      await collector.receives(1);
      const answered = broker.lastAnswered({ kind: 'channel', name: channel });
      expect(Date.now() - (answered?.getTime() ?? 0)).toBeLessThan(20_000);
    });
  });
}
