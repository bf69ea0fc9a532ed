import { Controller } from '@nestjs/common';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import { from, of, type Observable } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { closeAfterTest, createClient, startService } from '../../support/app.js';
import { outcomeOf } from '../../support/nest-app.js';
import { eventually, useRedis } from '../../support/redis.js';

const INTERNAL = { status: 'error', message: 'Internal server error' };

const seen: unknown[] = [];

@Controller()
class Responders {
  @MessagePattern('requests.echo')
  echo(data: unknown): unknown {
    return data;
  }

  @MessagePattern('requests.glob.*')
  glob(data: unknown): unknown {
    return { glob: data };
  }

  @MessagePattern('requests.nothing')
  nothing(): void {}

  @MessagePattern('requests.null')
  null(): null {
    return null;
  }

  @MessagePattern('requests.each')
  each(values: unknown[]): Observable<unknown> {
    return from(values);
  }

  @MessagePattern('requests.later')
  async *later(count: number): AsyncGenerator<number> {
    for (let i = 1; i <= count; i++) yield await Promise.resolve(i);
  }

  @MessagePattern('requests.later.stream')
  laterStream(count: number): Observable<number> {
    return from(this.later(count));
  }

  @MessagePattern('requests.bigint')
  bigint(): bigint {
    return 1n;
  }

  @MessagePattern('requests.circular')
  circular(): object {
    const value: { self?: object } = {};
    value.self = value;
    return value;
  }

  @MessagePattern('requests.stream.bigint')
  bigintStream(): Observable<unknown> {
    return of(1, 2n, 3);
  }

  @EventPattern('requests.both')
  onBoth(data: unknown): string {
    seen.push(data);
    return 'not a reply';
  }

  @MessagePattern('requests.both')
  both(): string {
    return 'the reply';
  }
}

describe('a request', () => {
  const redis = useRedis();
  const options = () => ({ connection: redis.url });
  beforeEach(async () => {
    seen.length = 0;
    await startService({ module: class {}, controllers: [Responders] }, options());
  });

  const outcome = (pattern: unknown, data: unknown = 0): Promise<unknown> =>
    outcomeOf(createClient(options()).send(pattern, data));

  /** Collects the replies that are published to the inboxes of all clients from now on. */
  async function recordInboxes(): Promise<{ channel: string; reply: Record<string, unknown> }[]> {
    const replies: { channel: string; reply: Record<string, unknown> }[] = [];
    const recorder: Redis = redis.client.duplicate();
    closeAfterTest(async () => recorder.disconnect());
    recorder.on('pmessage', (_pattern: string, channel: string, payload: string) => {
      const parsed = JSON.parse(payload) as Record<string, unknown> | Record<string, unknown>[];
      replies.push(...[parsed].flat().map((reply) => ({ channel, reply })));
    });
    await recorder.psubscribe('_pubsub.inbox.*');
    return replies;
  }

  it('receives a reply from a literal handler and from a pattern handler', async () => {
    expect(await outcome('requests.echo', { a: [1, null] })).toEqual({
      values: [{ a: [1, null] }],
    });
    expect(await outcome('requests.glob.x', 1)).toEqual({ values: [{ glob: 1 }] });
  });

  it.each([0, false, '', 'text', [], {}])(
    'receives %j back unchanged from an echo handler',
    async (data) => {
      expect(await outcome('requests.echo', data)).toEqual({ values: [data] });
    },
  );

  it('completes without a value if the handler returns undefined, and with null for null', async () => {
    expect(await outcome('requests.nothing')).toEqual({ values: [] });
    expect(await outcome('requests.null')).toEqual({ values: [null] });
  });

  it('receives the values of a stream in order', async () => {
    const values = Array.from({ length: 500 }, (_, i) => i);
    expect(await outcome('requests.each', values)).toEqual({ values });
    expect(await outcome('requests.later.stream', 100)).toEqual({
      values: Array.from({ length: 100 }, (_, i) => i + 1),
    });
  });

  it('completes without a value for an empty stream', async () => {
    expect(await outcome('requests.each', [])).toEqual({ values: [] });
  });

  it('needs no extra reply for a stream that completes with its last value', async () => {
    const replies = await recordInboxes();
    await outcome('requests.each', ['a', 'b', 'c']);
    await eventually(() => replies.length >= 3);
    await outcome('requests.echo', 'end');
    await eventually(() => replies.some(({ reply }) => reply.response === 'end'));
    expect(replies.map(({ reply: { response, isDisposed } }) => [response, isDisposed])).toEqual([
      ['a', undefined],
      ['b', undefined],
      ['c', true],
      ['end', true],
    ]);
  });

  it('receives its reply in an inbox that only its client subscribes to', async () => {
    const replies = await recordInboxes();
    const clients = Array.from({ length: 20 }, () => createClient(options()));
    const requests = clients.map((client, i) => outcomeOf(client.send('requests.echo', i)));
    expect(await Promise.all(requests)).toEqual(clients.map((_, i) => ({ values: [i] })));
    await eventually(() => replies.length >= 20);
    await outcome('requests.echo', 'end');
    await eventually(() => replies.some(({ reply }) => reply.response === 'end'));
    expect(replies).toHaveLength(21);
    expect(new Set(replies.map(({ channel }) => channel)).size).toBe(21);
    const inboxes = (await redis.client.pubsub('CHANNELS', '_pubsub.inbox.*')) as string[];
    for (const inbox of inboxes) await redis.subscribers(inbox, 1);
    expect(inboxes).toHaveLength(21);
  });

  it('shares one inbox with the other requests of its client', async () => {
    const client = createClient(options());
    const values = Array.from({ length: 100 }, (_, i) => i);
    const requests = values.map((value) => outcomeOf(client.send('requests.echo', value)));
    expect(await Promise.all(requests)).toEqual(values.map((value) => ({ values: [value] })));
    expect(await redis.client.pubsub('CHANNELS', '_pubsub.inbox.*')).toHaveLength(1);
    await client.close();
    await eventually(async () => {
      const inboxes = (await redis.client.pubsub('CHANNELS', '_pubsub.inbox.*')) as string[];
      return inboxes.length === 0;
    });
  });

  it('is published once for each subscription to its Observable', async () => {
    const request$ = createClient(options()).send('requests.both', 'x');
    await outcome('requests.both', 'before anyone subscribes');
    await outcomeOf(request$);
    await outcomeOf(request$);
    await eventually(() => seen.length >= 3);
    expect(seen).toEqual(['before anyone subscribes', 'x', 'x']);
  });

  it('completes with the first reply if several servers answer', async () => {
    await startService({ module: class {}, controllers: [Responders] }, options());
    const client = createClient(options());
    expect(await outcomeOf(client.send('requests.echo', 'x'))).toEqual({ values: ['x'] });
    expect(await outcomeOf(client.send('requests.echo', 'y'))).toEqual({ values: ['y'] });
  });

  it('also reaches the event handlers of its channel, whose results are no replies', async () => {
    expect(await outcome('requests.both', 'x')).toEqual({ values: ['the reply'] });
    await eventually(() => seen.length > 0);
    expect(seen).toEqual(['x']);
  });

  it.each(['requests.bigint', 'requests.circular'])(
    'fails if the reply cannot be serialized: %s',
    async (pattern) => {
      expect(await outcome(pattern)).toEqual({ values: [], error: INTERNAL });
      expect(await outcome('requests.echo', 'still there')).toEqual({ values: ['still there'] });
    },
  );

  it('fails if a value of a stream cannot be serialized', async () => {
    expect(await outcome('requests.stream.bigint')).toEqual({ values: [1], error: INTERNAL });
  });
});
