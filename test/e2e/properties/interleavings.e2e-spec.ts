import { whenSubscribed } from '../../../src/broker/broker.js';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClosedError } from 'nestjs-redis-pubsub';
import type { SubscriptionKind } from '../../../src/channel/subscription-key.js';
import type { RedisBroker } from '../../../src/broker/redis-broker.js';
import { Collector } from '../../conformance/collector.js';
import { createBroker } from '../../conformance/test-broker.js';
import { eventually, plain, useRedis, type TestRedis } from '../../support/redis.js';

type Step =
  | {
      readonly do: 'subscribe' | 'unsubscribe';
      readonly kind: SubscriptionKind;
      readonly name: number;
      readonly listener: number;
    }
  | { readonly do: 'kill' | 'yield' | 'round trip' };

const NAMES = [0, 1, 2, 3];
const LISTENERS = [0, 1, 2];

const change = fc.record({
  do: fc.constantFrom('subscribe' as const, 'subscribe' as const, 'unsubscribe' as const),
  kind: fc.constantFrom('channel' as const, 'pattern' as const),
  name: fc.constantFrom(...NAMES),
  listener: fc.constantFrom(...LISTENERS),
});
const pause = fc.record({
  do: fc.constantFrom('kill' as const, 'yield' as const, 'yield' as const, 'round trip' as const),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: change },
  { weight: 1, arbitrary: pause },
);

/** A broker, and a model of it: the listeners of each subscription. */
class Run {
  readonly listeners = LISTENERS.map(() => new Collector());
  readonly #redis: TestRedis;
  readonly #broker: RedisBroker;
  readonly #listening = new Map<string, Set<number>>();
  readonly #outcomes: Promise<unknown>[] = [];

  constructor(redis: TestRedis) {
    this.#redis = redis;
    this.#broker = createBroker({ ...plain(redis.port), retryStrategy: () => 1 });
  }

  async play(steps: readonly Step[]): Promise<void> {
    await this.#broker.connect(10_000);
    for (const it of steps) {
      if (it.do === 'subscribe' || it.do === 'unsubscribe') this.#change(it);
      else if (it.do === 'yield') await new Promise(setImmediate);
      else if (it.do === 'round trip') await this.#redis.client.ping();
      else await this.#redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    }
  }

  /** Resolves when the subscriptions in Redis are those of the model, and rejects if they never are. */
  async settles(): Promise<void> {
    await eventually(async () => {
      if (this.#broker.status !== 'connected') return false;
      const found = await this.#actual();
      return JSON.stringify(found) === JSON.stringify(this.#expected());
    });
  }

  /** The unexpected rejections of `subscribe`. */
  async failures(): Promise<unknown[]> {
    const outcomes = await Promise.all(this.#outcomes);
    return outcomes.filter((it) => it !== undefined && !(it instanceof ClosedError));
  }

  /** Publishes on each name; resolves to the received messages, and to those that the model expects. */
  async exchange(): Promise<{ received: string[][]; expected: string[][] }> {
    for (const name of NAMES) await this.#broker.publish(`c.${name}`, `${name}`);
    const expected = LISTENERS.map((listener) =>
      NAMES.flatMap((name) =>
        (['channel', 'pattern'] as const)
          .filter((kind) => this.#listening.get(nameOf(kind, name))?.has(listener))
          .map(() => `${name}`),
      ),
    );
    await Promise.all(this.listeners.map((it, i) => it.receives(expected[i]?.length ?? 0)));
    return { received: this.listeners.map(({ texts }) => texts.toSorted()), expected };
  }

  close(): Promise<void> {
    return this.#broker.close();
  }

  #change({ do: what, kind, name: number, listener }: Step & { do: 'subscribe' | 'unsubscribe' }) {
    const name = nameOf(kind, number);
    const collector = this.listeners[listener] as Collector;
    const listening = this.#listening.get(name) ?? new Set();
    this.#listening.set(name, listening);
    if (what === 'subscribe') {
      listening.add(listener);
      const outcome = whenSubscribed(this.#broker, { kind, name }, collector);
      this.#outcomes.push(outcome.catch((error: unknown) => error));
    } else {
      listening.delete(listener);
      this.#broker.unsubscribe({ kind, name }, collector);
    }
  }

  async #actual(): Promise<unknown> {
    const channels = NAMES.map((name) => nameOf('channel', name));
    const counts = await this.#redis.client.pubsub('NUMSUB', ...channels);
    return [counts.filter((_, i) => i % 2 === 1), await this.#redis.client.pubsub('NUMPAT')];
  }

  #expected(): unknown {
    const hasListeners = (kind: SubscriptionKind, name: number): number =>
      this.#listening.get(nameOf(kind, name))?.size ? 1 : 0;
    const patterns = NAMES.map((name) => hasListeners('pattern', name));
    return [NAMES.map((name) => hasListeners('channel', name)), patterns.reduce((a, b) => a + b)];
  }
}

const nameOf = (kind: SubscriptionKind, name: number): string =>
  kind === 'channel' ? `c.${name}` : `[c].${name}`;

describe('after any sequence of subscribe, unsubscribe and CLIENT KILL', () => {
  const redis = useRedis();

  it('Redis has exactly the subscriptions with listeners, and each listener receives each message once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        const run = new Run(redis);
        try {
          await run.play(steps);
          await run.settles();
          expect(await run.failures()).toEqual([]);
          for (const { deliveries } of run.listeners) deliveries.length = 0;
          const { received, expected } = await run.exchange();
          expect(received).toEqual(expected);
        } finally {
          await run.close();
        }
      }),
      { numRuns: 40, endOnFailure: true },
    );
  });
});
