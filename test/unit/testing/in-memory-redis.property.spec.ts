import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  whenSubscribed,
  type Broker,
  type Delivery,
  type DeliveryListener,
} from '../../../src/broker/broker.js';
import { InMemoryRedis, serverOf } from '../../../src/testing/in-memory-redis.js';
import { createBroker } from '../../conformance/test-broker.js';

/** A pattern and a shard channel: each has a connection of its own. */
const KEYS = [
  { kind: 'pattern', name: 'a*' },
  { kind: 'shard', name: 'a' },
] as const;
const REFUSALS = ['PSUBSCRIBE', 'SSUBSCRIBE'] as const;

const which = fc.nat(1);
const act = fc.oneof(
  { weight: 5, arbitrary: fc.record({ is: fc.constant('turn' as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      is: fc.constantFrom('cut', 'restore', 'deafen', 'close', 'kill', 'connect'),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      is: fc.constantFrom('subscribe', 'wait', 'unsubscribe', 'publish', 'refuse', 'delay'),
      at: which,
    }),
  },
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

class Listener implements DeliveryListener {
  readonly texts: string[] = [];
  isListening = false;

  onDelivery({ payload }: Delivery): void {
    this.texts.push(payload.text());
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const ignore = (): void => undefined;

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await nextTurn();
}

class Scenario {
  readonly redis = new InMemoryRedis();
  readonly broker: Broker = createBroker(this.redis, {
    publishBuffer: { maxAge: 2_000, maxMessages: 100, maxBytes: 1_000 },
  });
  readonly listeners = [new Listener(), new Listener()] as const;

  async run(it: Act): Promise<void> {
    const { redis, broker } = this;
    if ('at' in it) this.#runAt(it.is, it.at);
    else if (it.is === 'turn') await nextTurn();
    else if (it.is === 'close') void broker.close();
    else if (it.is === 'connect') broker.connect(0).catch(ignore);
    else if (it.is === 'kill') serverOf(redis).disconnectAll();
    else redis[it.is]();
  }

  #runAt(is: string, at: number): void {
    const { redis, broker } = this;
    const [key, listener] = [KEYS[at as 0 | 1], this.listeners[at as 0 | 1]];
    const { isListening } = listener;
    if (is === 'publish') broker.publish('a', 'text', at ? 'shard' : 'channel').catch(ignore);
    else if (is === 'refuse') redis.refuse(REFUSALS[at as 0 | 1]);
    else if (is === 'delay') redis.delay(at);
    else if (is === 'unsubscribe') {
      if (isListening) broker.unsubscribe(key, listener);
      listener.isListening = false;
    } else if (!isListening) {
      listener.isListening = true;
      if (is === 'subscribe') broker.subscribe(key, listener);
      else whenSubscribed(broker, key, listener).catch(() => (listener.isListening = false));
    }
  }
}

describe('an in-memory Redis', () => {
  it('serves every listener after restore and connect, whatever happened before', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 30 }), async (acts) => {
        const scenario = new Scenario();
        const { redis, broker, listeners } = scenario;
        for (const it of acts) await scenario.run(it);
        redis.restore();
        await broker.connect(0);
        await settled();
        expect(broker.status).toBe('connected');
        for (const [at, listener] of listeners.entries()) {
          const counts = redis.publish('a', 'last', { sharded: at === 1 });
          await settled();
          expect(counts).toBe(listener.isListening ? 1 : 0);
          expect(listener.texts.at(-1) === 'last').toBe(listener.isListening);
        }
        await broker.close();
        const { subscriptions } = serverOf(redis);
        expect([subscriptions.patterns, subscriptions.channels('*', 'shard')]).toEqual([0, []]);
      }),
      { numRuns: 200 },
    );
  });
});
