import type { Redis } from 'ioredis';
import type {
  Codec,
  RedisPubSubClientOptions,
  RedisPubSubServerOptions,
} from 'nestjs-redis-pubsub';
import { finalize, lastValueFrom, of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { captureLog, closeAfterTest, createClient, startService } from '../../support/app.js';
import { Gate } from '../../support/gate.js';
import { requestHandler } from '../../support/handlers.js';
import { outcomeOf } from '../../support/nest-app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { HAS_SHARDED } from '../../support/sharded.js';

const REQUESTS = 100;
const CHANNEL = 'joined.ask';

/** Redis before 7.0 has no shard channels. */
const SHARDED = HAS_SHARDED ? [false, true] : [false];

const numbers = Array.from({ length: REQUESTS }, (_, i) => i);

/** Encodes JSON, but the library does not know that a custom codec does. */
const textCodec: Codec = {
  encode: (value) => JSON.stringify(value),
  decode: (payload) => JSON.parse(Buffer.from(payload).toString()) as unknown,
};

const throwOnTeardown = (): never => {
  throw new Error('at the end');
};

describe('replies of one tick', () => {
  const redis = useRedis();

  /** Starts a service that replies with `answer(number)`, once all requests have arrived. */
  async function startResponder(
    answer: (i: number) => unknown,
    options: RedisPubSubServerOptions = {},
  ): Promise<void> {
    const gate = new Gate();
    let waiting = 0;
    const handle = async (data: unknown): Promise<unknown> => {
      if (++waiting === REQUESTS) gate.open();
      await gate.opened;
      return answer(Number(data));
    };
    await startService(requestHandler(CHANNEL, handle), { connection: redis.url, ...options });
  }

  /** Collects the messages that are published to inboxes from now on. */
  async function recordInboxes(): Promise<string[]> {
    const messages: string[] = [];
    const recorder: Redis = redis.client.duplicate();
    closeAfterTest(async () => recorder.disconnect());
    recorder.on('pmessage', (_pattern: string, _channel: string, text: string) =>
      messages.push(text),
    );
    await recorder.psubscribe('_pubsub.inbox.*');
    return messages;
  }

  /** Sends all requests from one client in one tick. */
  function askAll(options: RedisPubSubClientOptions = {}): Promise<unknown[]> {
    const client = createClient({ connection: redis.url, ...options });
    return Promise.all(numbers.map((i) => lastValueFrom(client.send<unknown>(CHANNEL, i))));
  }

  it('reach all other requests if the teardown of one request throws', async () => {
    await startResponder((i) => i);
    const log = captureLog();
    const client = createClient({ connection: redis.url });
    await client.connect();
    const answers = await Promise.all(
      numbers.map((i) => {
        const reply$ = client.send<number>(CHANNEL, i);
        return lastValueFrom(i === 1 ? reply$.pipe(finalize(throwOnTeardown)) : reply$);
      }),
    );
    expect(answers).toEqual(numbers);
    expect(log.of('error')).toEqual([
      expect.stringMatching(/^The subscriber of a request threw: .*at the end/s),
    ]);
  });

  it('arrive in few messages, and each resolves its own request', async () => {
    await startResponder((i) => ({ i }));
    const messages = await recordInboxes();
    expect(await askAll()).toEqual(numbers.map((i) => ({ i })));
    await eventually(() => messages.flatMap((text) => JSON.parse(text) as unknown).length === 100);
    // One for each tick in which requests arrive.
    expect(messages.length).toBeLessThan(REQUESTS / 2);
  });

  it.each(SHARDED)('that are streams arrive in order (sharded: %s)', async (sharded) => {
    await startResponder((i) => of(i, i + 0.5), { sharded });
    const client = createClient({ connection: redis.url, sharded });
    const outcomes = await Promise.all(numbers.map((i) => outcomeOf(client.send(CHANNEL, i))));
    expect(outcomes).toEqual(numbers.map((i) => ({ values: [i, i + 0.5] })));
  });

  it('that are long arrive in one message each', async () => {
    await startResponder((i) => `${i}`.padEnd(4_000));
    const messages = await recordInboxes();
    expect(await askAll()).toEqual(numbers.map((i) => `${i}`.padEnd(4_000)));
    await eventually(() => messages.length === REQUESTS);
  });

  it('are batched into messages of at most maxPayloadBytes', async () => {
    await startResponder((i) => `é${i}`, { maxPayloadBytes: 200 });
    const messages = await recordInboxes();
    expect(await askAll()).toEqual(numbers.map((i) => `é${i}`));
    await eventually(() => messages.flatMap((text) => JSON.parse(text) as unknown).length === 100);
    expect(Math.max(...messages.map((text) => Buffer.byteLength(text)))).toBeLessThanOrEqual(200);
    expect(messages.length).toBeLessThan(REQUESTS);
  });

  it('reach a client whose maxPayloadBytes is smaller than the server’s', async () => {
    await startResponder((i) => i);
    expect(await askAll({ maxPayloadBytes: 200 })).toEqual(numbers);
  });

  it('reach their requests although one reply cannot be serialized', async () => {
    await startResponder((i) => (i === 50 ? 50n : i));
    const client = createClient({ connection: redis.url });
    const outcomes = await Promise.all(numbers.map((i) => outcomeOf(client.send(CHANNEL, i))));
    const failed = outcomes.flatMap(({ error }, i) => (error ? [i] : []));
    expect(failed).toEqual([50]);
    expect(outcomes.flatMap(({ values }) => values)).toEqual(numbers.filter((i) => i !== 50));
  });

  it('arrive in one message each if the server has a custom codec', async () => {
    await startResponder((i) => i, { codec: textCodec });
    const messages = await recordInboxes();
    expect(await askAll({ codec: textCodec })).toEqual(numbers);
    await eventually(() => messages.length === REQUESTS);
  });

  it('arrive in one message each in an inbox that does not announce batches', async () => {
    await startResponder((i) => i);
    const replyTo = '_pubsub.inbox.python-17';
    const replies: { response: unknown; id: unknown }[] = [];
    const client = redis.client.duplicate();
    closeAfterTest(async () => client.disconnect());
    client.on('message', (_channel: string, text: string) =>
      replies.push(JSON.parse(text) as (typeof replies)[number]),
    );
    await client.subscribe(replyTo);
    const ask = (i: number): Promise<number> =>
      redis.client.publish(CHANNEL, JSON.stringify({ pattern: CHANNEL, data: i, id: i, replyTo }));
    await Promise.all(numbers.map(ask));
    await eventually(() => replies.length === REQUESTS);
    expect(replies).toEqual(numbers.map((i) => ({ response: i, isDisposed: true, id: i })));
  });
});
