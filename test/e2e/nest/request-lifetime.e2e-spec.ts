import { Controller } from '@nestjs/common';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { finalize, firstValueFrom, Subject, tap, type Observable } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  ClosedError,
  NoSubscribersError,
  RedisPubSubRecordBuilder,
  RequestTimeoutError,
  type RedisPubSubRecord,
  type TelemetryEvents,
} from 'nestjs-redis-pubsub';
import { closeAfterTest, createClient, startService } from '../../support/app.js';
import { Gate } from '../../support/gate.js';
import { outcomeOf } from '../../support/nest-app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { IN_MEMORY } from '../../support/in-memory.js';

let gate = new Gate();
let values = new Subject<number>();
const seen: unknown[] = [];

@Controller()
class Slow {
  @MessagePattern('lifetime.echo')
  echo(data: unknown): unknown {
    seen.push(['echo', data]);
    return data;
  }

  @MessagePattern('lifetime.held')
  async held(data: unknown): Promise<unknown> {
    seen.push(['held', data]);
    await gate.opened;
    return data;
  }

  @MessagePattern('lifetime.stream')
  stream(): Observable<number> {
    seen.push('streaming');
    return values.pipe(finalize(() => seen.push('stream ended')));
  }

  @EventPattern('lifetime.event')
  event(data: unknown): string {
    seen.push(['event', data]);
    return 'not a reply';
  }
}

const withTimeout = (timeout: number): RedisPubSubRecord =>
  new RedisPubSubRecordBuilder('x').setTimeout(timeout).build();

/** Collects the drop events of telemetry from now on. */
function recordDrops(): TelemetryEvents['drop'][] {
  const drops: TelemetryEvents['drop'][] = [];
  const listener = (drop: unknown): number => drops.push(drop as TelemetryEvents['drop']);
  subscribe('nestjs-redis-pubsub:drop', listener);
  closeAfterTest(async () => void unsubscribe('nestjs-redis-pubsub:drop', listener));
  return drops;
}

describe('a request', () => {
  const redis = useRedis();

  beforeEach(async () => {
    seen.length = 0;
    gate = new Gate();
    values = new Subject();
    const options = { connection: redis.url, shutdownTimeout: 10 };
    await startService({ module: class {}, controllers: [Slow] }, options);
  });

  afterEach(() => vi.useRealTimers());

  const client = (options: object = {}) => createClient({ connection: redis.url, ...options });

  it('is never published if it is unsubscribed before the client connects', async () => {
    const asking = client();
    asking.send('lifetime.held', 'given up').subscribe().unsubscribe();
    expect(await outcomeOf(asking.send('lifetime.echo', 'x'))).toEqual({ values: ['x'] });
    expect(seen).toEqual([['echo', 'x']]);
  });

  it('is never published if it is unsubscribed before the inbox is subscribed', async () => {
    const asking = client();
    await asking.connect();
    asking.send('lifetime.held', 'given up').subscribe().unsubscribe();
    expect(await outcomeOf(asking.send('lifetime.echo', 'x'))).toEqual({ values: ['x'] });
    expect(seen).toEqual([['echo', 'x']]);
  });

  it('receives no late reply after an unsubscribe, and the reply is dropped as "unmatched"', async () => {
    const drops = recordDrops();
    const asking = client();
    const received: unknown[] = [];
    const request = asking.send('lifetime.held', 'late').subscribe((reply) => received.push(reply));
    await eventually(() => seen.length > 0);
    request.unsubscribe();
    gate.open();
    await eventually(() => drops.length > 0);
    expect(await outcomeOf(asking.send('lifetime.echo', 'x'))).toEqual({ values: ['x'] });
    expect(received).toEqual([]);
    expect(drops).toEqual([
      expect.objectContaining({
        channel: expect.stringMatching(/^_pubsub\.inbox\./) as string,
        reason: 'unmatched',
      }),
    ]);
  });

  it('receives no further values of a stream after an unsubscribe', async () => {
    const asking = client();
    const received: unknown[] = [];
    const request = asking.send('lifetime.stream', 0).subscribe((reply) => received.push(reply));
    await eventually(() => seen.includes('streaming'));
    values.next(1);
    await eventually(() => received.length > 0);
    const drops = recordDrops();
    request.unsubscribe();
    values.next(2);
    await eventually(() => drops.length > 0);
    expect(received).toEqual([1]);
  });

  it('fails with RequestTimeoutError after requestTimeout, and the late reply is dropped', async () => {
    const drops = recordDrops();
    const asking = client({ requestTimeout: 20 });
    const { error } = await outcomeOf(asking.send('lifetime.held', 'x'));
    expect(error).toBeInstanceOf(RequestTimeoutError);
    expect(error).toMatchObject({
      code: 'ERR_PUBSUB_TIMEOUT',
      message: expect.stringContaining('lifetime.held') as string,
    });
    gate.open();
    await eventually(() => drops.length > 0);
    expect(drops[0]?.reason).toBe('unmatched');
  });

  it('uses the timeout of its record instead of requestTimeout', async () => {
    const withDefault = client({ requestTimeout: 20 });
    const withoutDefault = client({ requestTimeout: 0 });
    const waiting = [
      outcomeOf(withDefault.send('lifetime.held', withTimeout(0))),
      outcomeOf(withDefault.send('lifetime.held', withTimeout(60_000))),
    ];
    const { error } = await outcomeOf(withoutDefault.send('lifetime.held', withTimeout(30)));
    expect(error).toMatchObject({ name: 'RequestTimeoutError', message: /30 ms/ });
    await outcomeOf(withDefault.send('lifetime.held', 'the default'));
    gate.open();
    expect(await Promise.all(waiting)).toEqual([{ values: ['x'] }, { values: ['x'] }]);
  });

  it('starts its timeout again with each value of a stream', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const asking = client({ requestTimeout: 60_000 });
    const received: number[] = [];
    const request$ = asking.send<number>('lifetime.stream', 0).pipe(tap((it) => received.push(it)));
    const outcome = outcomeOf(request$);
    await eventually(() => seen.includes('streaming'));
    for (const value of [1, 2, 3]) {
      vi.advanceTimersByTime(50_000);
      values.next(value);
      await eventually(() => received.includes(value));
    }
    vi.advanceTimersByTime(60_000);
    const { error } = await outcome;
    expect(error).toBeInstanceOf(RequestTimeoutError);
    expect(received).toEqual([1, 2, 3]);
  });

  it('fails with NoSubscribersError at once if no server is subscribed', async () => {
    const { error } = await outcomeOf(client({ requestTimeout: 0 }).send('lifetime.nobody', 0));
    expect(error).toBeInstanceOf(NoSubscribersError);
    expect(error).toMatchObject({
      code: 'ERR_PUBSUB_NO_SUBSCRIBERS',
      message: expect.stringContaining('lifetime.nobody') as string,
    });
  });

  it.skipIf(IN_MEMORY)(
    'fails with ConnectionError while the connection closes, and is not sent later',
    async () => {
      const asking = client({ requestTimeout: 0 });
      await asking.connect();
      const [publisher] = asking.unwrap();
      publisher.stream.end();
      expect(publisher.status).toBe('ready');
      const { error } = await outcomeOf(asking.send('lifetime.echo', 'x'));
      expect(error).toMatchObject({ code: 'ERR_PUBSUB_CONNECTION' });
      await eventually(() => publisher.status !== 'ready');
      await eventually(() => publisher.status === 'ready');
      expect(await firstValueFrom(asking.send('lifetime.echo', 'y'))).toBe('y');
      expect(seen).toEqual([['echo', 'y']]);
    },
  );

  it('times out if only an event handler receives it', async () => {
    const { error } = await outcomeOf(client({ requestTimeout: 50 }).send('lifetime.event', 'x'));
    expect(error).toBeInstanceOf(RequestTimeoutError);
    await eventually(() => seen.length > 0);
    expect(seen).toEqual([['event', 'x']]);
  });

  it('fails with ClosedError when its client closes, as do all pending requests', async () => {
    const asking = client({ requestTimeout: 0 });
    const outcomes = ['a', 'b'].map((data) => outcomeOf(asking.send('lifetime.held', data)));
    await eventually(() => seen.length >= 2);
    await asking.close();
    for (const { error } of await Promise.all(outcomes)) expect(error).toBeInstanceOf(ClosedError);
  });

  it('fails with ClosedError when its client closes, also if the teardown of another throws', async () => {
    const asking = client({ requestTimeout: 0 });
    asking
      .send('lifetime.held', 'a')
      .pipe(
        finalize(() => {
          throw new Error('torn');
        }),
      )
      .subscribe({ error: () => undefined });
    const outcome = outcomeOf(asking.send('lifetime.held', 'b'));
    await eventually(() => seen.length >= 2);
    await asking.close();
    expect((await outcome).error).toBeInstanceOf(ClosedError);
  });

  it('fails with ClosedError if its client closes while it subscribes to the inbox', async () => {
    const asking = client({ requestTimeout: 0 });
    await asking.connect();
    const outcome = outcomeOf(asking.send('lifetime.held', 'x'));
    await asking.close();
    const { error } = await outcome;
    expect(error).toBeInstanceOf(ClosedError);
  });

  it('ends its stream on the server after its client has closed', async () => {
    const asking = client();
    const reply = firstValueFrom(asking.send('lifetime.stream', 0));
    await eventually(() => seen.includes('streaming'));
    values.next(1);
    expect(await reply).toBe(1);
    await asking.close();
    await eventually(() => {
      values.next(2);
      return seen.includes('stream ended');
    });
    expect(values.observed).toBe(false);
  });

  it('fails when the server closes during its stream', async () => {
    const options = { connection: redis.url, shutdownTimeout: 10, prefix: 'closing:' };
    const { app } = await startService({ module: class {}, controllers: [Slow] }, options);
    const outcome = outcomeOf(client({ prefix: 'closing:' }).send('lifetime.stream', 0));
    await eventually(() => seen.includes('streaming'));
    values.next(1);
    await app.close();
    expect(await outcome).toEqual({
      values: [1],
      error: expect.objectContaining({ status: 'error' }) as unknown,
    });
  });
});
