import type { Redis } from 'ioredis';
import type {
  Codec,
  RedisPubSubClientOptions,
  RedisPubSubServerOptions,
} from 'nestjs-redis-pubsub';
import { finalize, lastValueFrom, of } from 'rxjs';
import { describe, expect, inject, it } from 'vitest';
import { captureLog, closeAfterTest, createClient, startService } from '../../support/app.js';
import { Gate, requestHandler } from '../../support/handlers.js';
import { outcomeOf } from '../../support/nest-app.js';
import { eventually, useRedis } from '../../support/redis.js';

const REQUESTS = 100;
const CHANNEL = 'joined.ask';

/** Redis before 7.0 has no shard channels. */
const SHARDED = inject('hasSharded') ? [false, true] : [false];

const numbers = Array.from({ length: REQUESTS }, (_, i) => i);

/** JSON, but not known to be. */
const textCodec: Codec = {
  encode: (value) => JSON.stringify(value),
  decode: (payload) => JSON.parse(Buffer.from(payload).toString()) as unknown,
};

const throwAtTheEnd = (): never => {
  throw new Error('at the end');
};

describe('replies of one tick', () => {
  const redis = useRedis();

  /** Answers when all requests are there, with what `answer` makes of each number. */
  async function startAnswering(
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

  /** The messages that come to inboxes, from now on. */
  async function tapInboxes(): Promise<string[]> {
    const messages: string[] = [];
    const tap: Redis = redis.client.duplicate();
    closeAfterTest(async () => tap.disconnect());
    tap.on('pmessage', (_pattern: string, _channel: string, text: string) => messages.push(text));
    await tap.psubscribe('_pubsub.inbox.*');
    return messages;
  }

  /** All requests of one client, at the same time. */
  function askAll(options: RedisPubSubClientOptions = {}): Promise<unknown[]> {
    const client = createClient({ connection: redis.url, ...options });
    return Promise.all(numbers.map((i) => lastValueFrom(client.send<unknown>(CHANNEL, i))));
  }

  it('reach everybody else where one who asked throws as it ends', async () => {
    await startAnswering((i) => i);
    const log = captureLog();
    const client = createClient({ connection: redis.url });
    await client.connect();
    const answers = await Promise.all(
      numbers.map((i) => {
        const reply$ = client.send<number>(CHANNEL, i);
        return lastValueFrom(i === 1 ? reply$.pipe(finalize(throwAtTheEnd)) : reply$);
      }),
    );
    expect(answers).toEqual(numbers);
    expect(log.of('error')).toEqual([
      expect.stringMatching(/^The subscriber of a request threw: .*at the end/s),
    ]);
  });

  it('come to a client in few messages, each to its own request', async () => {
    await startAnswering((i) => ({ i }));
    const messages = await tapInboxes();
    expect(await askAll()).toEqual(numbers.map((i) => ({ i })));
    await eventually(() => messages.flatMap((text) => JSON.parse(text) as unknown).length === 100);
    expect(messages.length).toBeLessThan(10);
  });

  it.each(SHARDED)('that are streams come in order (sharded: %s)', async (sharded) => {
    await startAnswering((i) => of(i, i + 0.5), { sharded });
    const client = createClient({ connection: redis.url, sharded });
    const outcomes = await Promise.all(numbers.map((i) => outcomeOf(client.send(CHANNEL, i))));
    expect(outcomes).toEqual(numbers.map((i) => ({ values: [i, i + 0.5] })));
  });

  it('that are long come one by one', async () => {
    await startAnswering((i) => `${i}`.padEnd(4_000));
    const messages = await tapInboxes();
    expect(await askAll()).toEqual(numbers.map((i) => `${i}`.padEnd(4_000)));
    await eventually(() => messages.length === REQUESTS);
  });

  it('make no message that the server may not send', async () => {
    await startAnswering((i) => `é${i}`, { maxPayloadBytes: 200 });
    const messages = await tapInboxes();
    expect(await askAll()).toEqual(numbers.map((i) => `é${i}`));
    await eventually(() => messages.flatMap((text) => JSON.parse(text) as unknown).length === 100);
    expect(Math.max(...messages.map((text) => Buffer.byteLength(text)))).toBeLessThanOrEqual(200);
    expect(messages.length).toBeLessThan(REQUESTS);
  });

  it('are not lost to a client that takes smaller messages than the server sends', async () => {
    await startAnswering((i) => i);
    expect(await askAll({ maxPayloadBytes: 200 })).toEqual(numbers);
  });

  it('do not share the fate of one that cannot be sent', async () => {
    await startAnswering((i) => (i === 50 ? 50n : i));
    const client = createClient({ connection: redis.url });
    const outcomes = await Promise.all(numbers.map((i) => outcomeOf(client.send(CHANNEL, i))));
    const failed = outcomes.flatMap(({ error }, i) => (error ? [i] : []));
    expect(failed).toEqual([50]);
    expect(outcomes.flatMap(({ values }) => values)).toEqual(numbers.filter((i) => i !== 50));
  });

  it('come one by one from a codec of the user', async () => {
    await startAnswering((i) => i, { codec: textCodec });
    const messages = await tapInboxes();
    expect(await askAll({ codec: textCodec })).toEqual(numbers);
    await eventually(() => messages.length === REQUESTS);
  });

  it('come one by one to an inbox that says nothing of taking more', async () => {
    await startAnswering((i) => i);
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
