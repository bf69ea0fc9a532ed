import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisPubSubClient, RedisPubSubServer } from 'nestjs-redis-pubsub';
import { InMemoryRedis, PubSubRecorder } from 'nestjs-redis-pubsub/testing';
import { captureLog } from '../../support/app.js';

beforeAll(() => void captureLog());
const recorders: PubSubRecorder[] = [];
afterAll(() => recorders.forEach((it) => it.close()));

/** What happens in a run, in this order. */
type Step =
  | { readonly kind: 'publish'; readonly count: number }
  | { readonly kind: 'join'; readonly concurrency: number }
  | { readonly kind: 'leave' }
  | { readonly kind: 'turn' }
  | { readonly kind: 'cut' };

const step = (isCut: boolean, limits: readonly number[]): fc.Arbitrary<Step> =>
  fc.oneof(
    fc.record({ kind: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 30 }) }),
    fc.record({ kind: fc.constant('publish' as const), count: fc.constant(1) }),
    fc.record({ kind: fc.constant('join' as const), concurrency: fc.constantFrom(...limits) }),
    fc.record({ kind: fc.constantFrom('leave' as const, 'turn' as const, 'turn' as const) }),
    ...(isCut ? [fc.record({ kind: fc.constant('cut' as const) })] : []),
  );

class Fleet {
  readonly redis = new InMemoryRedis();
  readonly handled: unknown[] = [];
  readonly #group: string | undefined;
  readonly #members: RedisPubSubServer[] = [];
  readonly #client = new RedisPubSubClient({ connection: this.redis });
  readonly #recorder = new PubSubRecorder(this.redis);
  /** Servers that close. */
  readonly #closing: Promise<void>[] = [];
  published = 0;

  constructor(group: string | undefined) {
    this.#group = group;
    recorders.push(this.#recorder);
  }

  async join(concurrency: number): Promise<void> {
    const server = new RedisPubSubServer({ connection: this.redis });
    const handle = async (data: unknown): Promise<void> => {
      this.handled.push(data);
      await new Promise(setImmediate);
    };
    const extras = { ...(this.#group && { group: this.#group }), concurrency };
    server.addHandler('order.*', handle as never, true, extras);
    await new Promise<void>((resolve) => server.listen(() => resolve()));
    this.#members.push(server);
  }

  run(it: Step): unknown {
    switch (it.kind) {
      case 'publish':
        for (let i = 0; i < it.count; i++) {
          this.#client
            .emit(`order.${i % 3}`, this.published++)
            .subscribe({ error: () => undefined });
        }
        return undefined;
      case 'join':
        return this.join(it.concurrency);
      case 'leave':
        // One stays: without a member there is nobody to handle.
        if (this.#members.length > 1) this.#closing.push(this.#members.shift()!.close());
        return undefined;
      case 'cut':
        this.redis.cut();
        this.redis.restore();
        return undefined;
      default:
        return new Promise(setImmediate);
    }
  }

  async end(): Promise<void> {
    await this.#recorder.idle({ timeout: 20_000 });
    await Promise.all(this.#closing);
    await Promise.all(this.#members.map((it) => it.close()));
    await this.#client.close();
    this.#recorder.close();
  }
}

async function play(steps: readonly Step[], group: string | undefined): Promise<Fleet> {
  const fleet = new Fleet(group);
  await fleet.join(Infinity);
  for (const it of steps) await fleet.run(it);
  await fleet.end();
  return fleet;
}

const sorted = (values: readonly unknown[]): unknown[] =>
  values.toSorted((one, other) => Number(one) - Number(other));

describe('whatever the members do', () => {
  it('each message is handled once, while they join and leave', async () => {
    await fc.assert(
      // A member that closes drops what waits for its bounded handler, and a later member has not heard that.
      fc.asyncProperty(fc.array(step(false, [Infinity]), { maxLength: 30 }), async (steps) => {
        const { handled, published } = await play(steps, 'billing');
        expect(sorted(handled)).toEqual(Array.from({ length: published }, (_, i) => i));
      }),
      { numRuns: 60 },
    );
  });

  it('no message is handled twice, also if connections are lost', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step(true, [1, 3, Infinity]), { maxLength: 30 }), async (steps) => {
        const { handled } = await play(steps, 'billing');
        expect(new Set(handled).size).toBe(handled.length);
      }),
      { numRuns: 60 },
    );
  });

  it('counter-proof: without a group a message is handled twice', async () => {
    const { handled } = await play(
      [
        { kind: 'join', concurrency: 1 },
        { kind: 'publish', count: 5 },
      ],
      undefined,
    );
    expect(handled).toHaveLength(10);
  });
});
