import { EventPattern, RpcException } from '@nestjs/microservices';
import { NEVER, Observable, firstValueFrom, lastValueFrom, of, take, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  ClosedError,
  InvalidOptionError,
  PayloadError,
  RedisPubSubRecordBuilder,
  type PubSubReply,
  type RedisPubSubClient,
  type RedisPubSubServerOptions,
  type SendAllOptions,
} from 'nestjs-redis-pubsub';
import { createClient, startService } from '../../support/app.js';
import { startBuiltIn } from '../../support/built-in.js';
import { requestHandler, type Handle } from '../../support/handlers.js';
import { eventually, useRedis } from '../../support/redis.js';
import { failureOf } from '../module/apps.js';
import { holdTimeouts } from '../../support/timeouts.js';
import { IN_MEMORY } from '../../support/in-memory.js';

const textOf = (reply: PubSubReply): string => JSON.stringify(reply);

/** The replies in a fixed order: responders are as fast as they are. */
async function replies(
  client: RedisPubSubClient,
  data: unknown = 1,
  options?: SendAllOptions,
): Promise<PubSubReply[]> {
  const all = await lastValueFrom(client.sendAll('who', data, options).pipe(toArray()));
  return all.toSorted((one, other) => textOf(one).localeCompare(textOf(other)));
}

/** The replies up to the timeout, which comes when there are `count` of them, and not before. */
async function repliesUntilTimeout(
  client: RedisPubSubClient,
  count: number,
): Promise<PubSubReply[]> {
  const timeout = 60_007;
  const timeouts = holdTimeouts(timeout);
  const seen: PubSubReply[] = [];
  let isComplete = false;
  client
    .sendAll('who', 1, { timeout })
    .subscribe({ next: (reply) => seen.push(reply), complete: () => (isComplete = true) });
  await eventually(() => seen.length === count);
  expect(isComplete).toBe(false);
  timeouts.run();
  await eventually(() => isComplete);
  return seen;
}

const NO_IDEA = { code: 404 };

const silent = (): Observable<never> => NEVER;
const failing = (): never => {
  throw new RpcException(NO_IDEA);
};

describe('sendAll', () => {
  const redis = useRedis();

  /** Servers that each answer `who` in their own way. */
  async function serve(
    handles: readonly Handle[],
    options: Partial<RedisPubSubServerOptions> = {},
  ): Promise<void> {
    for (const handle of handles) {
      const server = { connection: redis.url, shutdownTimeout: 10, ...options };
      await startService(requestHandler('who', handle), server);
    }
  }

  const start = (options = {}): RedisPubSubClient =>
    createClient({ connection: redis.url, ...options });

  it('collects the replies of all responders, and ends when all have answered', async () => {
    await serve([() => 'a', () => 'b', async () => ({ name: 'c' })]);
    expect(await replies(start())).toEqual([
      { value: 'a' },
      { value: 'b' },
      { value: { name: 'c' } },
    ]);
  });

  it('has errors beside values, and ends at its timeout with what came', async () => {
    await serve([() => 'a', failing, silent]);
    const seen = await repliesUntilTimeout(start(), 2);
    expect(seen).toHaveLength(2);
    expect(seen).toContainEqual({ value: 'a' });
    expect(seen).toContainEqual({ error: NO_IDEA });
  });

  it('hides the details of other errors, as send does', async () => {
    await serve([
      () => {
        throw new Error('password of the database');
      },
    ]);
    expect(await replies(start())).toEqual([
      { error: { status: 'error', message: 'Internal server error' } },
    ]);
  });

  it('ends when the given number of responders have answered, and cancels the others', async () => {
    let isCancelled = false;
    const stream = (): Observable<never> =>
      new Observable(() => () => {
        isCancelled = true;
      });
    await serve([() => 'a', failing, stream]);
    expect(await replies(start(), 1, { max: 2 })).toEqual([{ error: NO_IDEA }, { value: 'a' }]);
    await eventually(() => isCancelled);
  });

  it('is cancelled by unsubscribing', async () => {
    let running = 0;
    const stream = (): Observable<number> =>
      new Observable((observer) => {
        running++;
        observer.next(1);
        return () => void running--;
      });
    await serve([stream, stream]);
    const client = start();
    await lastValueFrom(client.sendAll('who', 1).pipe(take(2), toArray()));
    await eventually(() => running === 0);
    expect(await firstValueFrom(client.sendAll('who', 1))).toEqual({ value: 1 });
  });

  it('emits each value of a stream', async () => {
    await serve([() => of(1, 2, 3)]);
    expect(await replies(start())).toEqual([{ value: 1 }, { value: 2 }, { value: 3 }]);
  });

  it('has a reply of each responder that returns nothing', async () => {
    await serve([() => undefined, () => undefined, () => null]);
    const all = await replies(start());
    expect(all).toHaveLength(3);
    expect(all.map((reply) => 'value' in reply && (reply.value ?? null))).toEqual([
      null,
      null,
      null,
    ]);
  });

  it('ends without a reply if there is no subscriber', async () => {
    expect(await replies(start())).toEqual([]);
  });

  it('waits for event handlers, which send no reply, until its timeout', async () => {
    class Events {
      @EventPattern<string>('wh*')
      onEvent(): void {
        // The receivers of a request include this subscription.
      }
    }
    await startService({ module: class {}, controllers: [Events] }, { connection: redis.url });
    await serve([() => 'a']);
    expect(await repliesUntilTimeout(start(), 1)).toEqual([{ value: 'a' }]);
  });

  it.skipIf(IN_MEMORY)(
    'receives the replies of servers on Transport.REDIS beside those of this transport',
    async () => {
      await serve([() => 'a', failing, () => of(1, 2)]);
      for (const handle of [(): string => 'b', failing]) {
        await startBuiltIn(requestHandler('who', handle), { host: '127.0.0.1', port: redis.port });
      }
      expect(await replies(start({ replies: 'compat' }))).toEqual([
        { error: NO_IDEA },
        { error: NO_IDEA },
        { value: 'a' },
        { value: 'b' },
        { value: 1 },
        { value: 2 },
      ]);
    },
  );

  it('works over shard channels', async () => {
    await serve([() => 'a', () => 'b', failing], { sharded: true });
    const record = new RedisPubSubRecordBuilder(1).setSharded().build();
    expect(await replies(start(), record)).toEqual([
      { error: NO_IDEA },
      { value: 'a' },
      { value: 'b' },
    ]);
  });

  it('takes the timeout of a record, and its own before it', async () => {
    await serve([silent]);
    const record = new RedisPubSubRecordBuilder(1).setTimeout(20).build();
    expect(await replies(start({ requestTimeout: 0 }), record)).toEqual([]);
    const slow = new RedisPubSubRecordBuilder(1).setTimeout(60_000).build();
    expect(await replies(start(), slow, { timeout: 20 })).toEqual([]);
  });

  it('serves several requests of one client side by side', async () => {
    await serve([(data) => `a${String(data)}`, (data) => `b${String(data)}`]);
    const client = start();
    const sums = await Promise.all([1, 2, 3].map((data) => replies(client, data)));
    expect(sums).toEqual([1, 2, 3].map((n) => [{ value: `a${n}` }, { value: `b${n}` }]));
  });

  it('has the error of a deserializer beside the values', async () => {
    await serve([() => 'a', () => 'b']);
    const deserializer = {
      deserialize: (packet: { response: unknown }) => {
        if (packet.response === 'b') throw new Error('unreadable');
        return packet;
      },
    };
    const client = start({ deserializer });
    const seen = await repliesUntilTimeout(client, 2);
    expect(seen).toHaveLength(2);
    expect(seen).toContainEqual({ error: new Error('unreadable') });
    expect(seen).toContainEqual({ value: 'a' });
  });

  it('fails when the client closes', async () => {
    await serve([silent]);
    const client = start();
    await client.connect();
    const failed = failureOf(replies(client));
    await client.close();
    expect(await failed).toBeInstanceOf(ClosedError);
  });

  it('fails for data that cannot be sent', async () => {
    await expect(replies(start(), 1n)).rejects.toThrow(PayloadError);
    await expect(replies(start(), null)).rejects.toThrow('invalid data');
  });

  it('fails with bare data, which carries no requests', async () => {
    await expect(replies(start({ codec: 'json' }))).rejects.toThrow(
      new InvalidOptionError('codec', 'one with an envelope, for requests', 'bare data'),
    );
  });

  it.each([
    [{ timeout: 0 }, 'timeout'],
    [{ timeout: -1 }, 'timeout'],
    [{ timeout: NaN }, 'timeout'],
    [{ timeout: Infinity }, 'timeout'],
    [{ timeout: '1' }, 'timeout'],
    [{ max: 0 }, 'max'],
    [{ max: 1.5 }, 'max'],
    [{ max: '2' }, 'max'],
    [{ max: null }, 'max'],
  ])('throws InvalidOptionError for %j', (options, name) => {
    expect(() => start().sendAll('who', 1, options as SendAllOptions)).toThrow(
      new RegExp(`^Expected "${name}"`),
    );
  });

  it.each([
    [null, 'Expected "options" to be an object, got null'],
    [5, 'Expected "options" to be an object, got 5'],
    [
      { timeOut: 5 },
      'Unknown option of sendAll "timeOut": did you mean "timeout"? There are timeout, max',
    ],
    [{ limit: 5 }, 'Unknown option of sendAll "limit". There are timeout, max'],
  ])('throws InvalidOptionError for the options %j', (options, message) => {
    expect(() => start().sendAll('who', 1, options as SendAllOptions)).toThrow(InvalidOptionError);
    expect(() => start().sendAll('who', 1, options as SendAllOptions)).toThrow(message);
  });

  it('needs a timeout or a max where requests have no limit', async () => {
    const message =
      'Expected "timeout" to be given to sendAll, or "max", since these requests have no time limit, got undefined';
    const client = start({ requestTimeout: 0 });
    expect(() => client.sendAll('who', 1)).toThrow(InvalidOptionError);
    expect(() => client.sendAll('who', 1)).toThrow(message);
    const unlimited = new RedisPubSubRecordBuilder(1).setTimeout(0).build();
    expect(() => start().sendAll('who', unlimited)).toThrow(message);
    await serve([() => 'a']);
    expect(await replies(client, 1, { max: 1 })).toEqual([{ value: 'a' }]);
    expect(await replies(client, 1, { timeout: 30_000 })).toEqual([{ value: 'a' }]);
  });
});
