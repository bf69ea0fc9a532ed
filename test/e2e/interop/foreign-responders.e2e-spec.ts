import { take } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { RedisPubSubClient } from 'nestjs-redis-pubsub';
import { closeAfterTest, createClient } from '../../support/app.js';
import { outcomeOf } from '../../support/nest-app.js';
import { eventually, useRedis } from '../../support/redis.js';

interface Request {
  readonly pattern: string;
  readonly data: unknown;
  readonly id: string | number;
  readonly replyTo?: string;
}

describe('a responder without Nest', () => {
  const redis = useRedis();

  /** Answers each request on `price.get` with these messages, whose replies get the id of the request. */
  async function respond(messages: readonly (object | readonly object[])[]): Promise<Request[]> {
    const requests: Request[] = [];
    const subscriber = redis.client.duplicate();
    closeAfterTest(async () => subscriber.disconnect());
    subscriber.on('message', (channel: string, text: string) => {
      const request = JSON.parse(text) as Request;
      requests.push(request);
      const { id, replyTo = `${channel}.reply` } = request;
      for (const message of messages) {
        const replies = [message].flat().map((reply) => ({ ...reply, id }));
        const payload = Array.isArray(message) ? replies : replies[0];
        void redis.client.publish(replyTo, JSON.stringify(payload));
      }
    });
    await subscriber.subscribe('price.get');
    return requests;
  }

  const start = (): RedisPubSubClient => createClient({ connection: redis.url });

  it.each<[string, (object | readonly object[])[], unknown]>([
    ['one reply', [{ response: 3, isDisposed: true }], { values: [3] }],
    ['a stream', [{ response: 1 }, { response: 2, isDisposed: true }], { values: [1, 2] }],
    ['a stream and its end', [{ response: 1 }, { isDisposed: true }], { values: [1] }],
    ['no value', [{ isDisposed: true }], { values: [] }],
    ['an array of replies', [[{ response: 1 }, { isDisposed: true }]], { values: [1] }],
    ['an error', [{ err: 'none', isDisposed: true }], { values: [], error: 'none' }],
    [
      'a value and an error',
      [{ response: 1 }, { err: { code: 7 } }],
      { values: [1], error: { code: 7 } },
    ],
  ])('answers send with %s', async (_, messages, outcome) => {
    const requests = await respond(messages);
    expect(await outcomeOf(start().send('price.get', { sku: 'tea' }))).toEqual(outcome);
    expect(requests).toEqual([
      {
        pattern: 'price.get',
        data: { sku: 'tea' },
        id: 1,
        replyTo: expect.stringMatching(/^_pubsub\.inbox\.joined\.[\w-]+$/) as string,
        mid: expect.stringMatching(/^[\w-]{8}\.1-1$/) as string,
      },
    ]);
  });

  it('answers sendAll beside others', async () => {
    await respond([{ response: 1 }, { response: 2, isDisposed: true }]);
    await respond([{ err: 'none', isDisposed: true }]);
    const { values } = await outcomeOf(start().sendAll('price.get', {}));
    expect(values).toHaveLength(3);
    expect(values).toEqual(expect.arrayContaining([{ value: 1 }, { value: 2 }, { error: 'none' }]));
  });

  it('is told when the client no longer waits', async () => {
    const requests = await respond([{ response: 1 }]);
    const cancelled: unknown[] = [];
    const subscriber = redis.client.duplicate();
    closeAfterTest(async () => subscriber.disconnect());
    subscriber.on('message', (_: string, text: string) => cancelled.push(JSON.parse(text)));
    await subscriber.subscribe('_pubsub.cancel');
    await outcomeOf(start().send('price.get', {}).pipe(take(1)));
    await eventually(() => cancelled.length > 0);
    const [{ id, replyTo } = {} as Request] = requests;
    expect(cancelled).toEqual([{ id, replyTo }]);
  });
});
