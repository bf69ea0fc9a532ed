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
import { createGate, outcomeOf } from '../../support/nest-app.js';
import { eventually, useRedis } from '../../support/redis.js';

let gate = createGate();
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
    await gate.promise;
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

const waitingFor = (timeout: number): RedisPubSubRecord =>
  new RedisPubSubRecordBuilder('x').setTimeout(timeout).build();

/** The messages that are dropped from now on. */
function tapDrops(): TelemetryEvents['drop'][] {
  const drops: TelemetryEvents['drop'][] = [];
  const listener = (drop: unknown): number => drops.push(drop as TelemetryEvents['drop']);
  subscribe('nestjs-redis-pubsub:drop', listener);
  closeAfterTest(async () => void unsubscribe('nestjs-redis-pubsub:drop', listener));
  return drops;
}

describe('a request that', () => {
  const redis = useRedis();

  beforeEach(async () => {
    seen.length = 0;
    gate = createGate();
    values = new Subject();
    const options = { connection: redis.url, shutdownTimeout: 10 };
    await startService({ module: class {}, controllers: [Slow] }, options);
  });

  afterEach(() => vi.useRealTimers());

  const client = (options: object = {}) => createClient({ connection: redis.url, ...options });

  it('is given up before the client has connected is never published', async () => {
    const asking = client();
    asking.send('lifetime.held', 'given up').subscribe().unsubscribe();
    expect(await outcomeOf(asking.send('lifetime.echo', 'x'))).toEqual({ values: ['x'] });
    expect(seen).toEqual([['echo', 'x']]);
  });

  it('is given up before the inbox is there is never published', async () => {
    const asking = client();
    await asking.connect();
    asking.send('lifetime.held', 'given up').subscribe().unsubscribe();
    expect(await outcomeOf(asking.send('lifetime.echo', 'x'))).toEqual({ values: ['x'] });
    expect(seen).toEqual([['echo', 'x']]);
  });

  it('is given up after it was published hears no late reply, which is dropped', async () => {
    const drops = tapDrops();
    const asking = client();
    const heard: unknown[] = [];
    const request = asking.send('lifetime.held', 'late').subscribe((reply) => heard.push(reply));
    await eventually(() => seen.length > 0);
    request.unsubscribe();
    gate.open();
    await eventually(() => drops.length > 0);
    expect(await outcomeOf(asking.send('lifetime.echo', 'x'))).toEqual({ values: ['x'] });
    expect(heard).toEqual([]);
    expect(drops).toEqual([
      expect.objectContaining({
        channel: expect.stringMatching(/^_pubsub\.inbox\./) as string,
        reason: 'unmatched',
      }),
    ]);
  });

  it('is given up in the middle of a stream hears no more of it', async () => {
    const asking = client();
    const heard: unknown[] = [];
    const request = asking.send('lifetime.stream', 0).subscribe((reply) => heard.push(reply));
    await eventually(() => seen.includes('streaming'));
    values.next(1);
    await eventually(() => heard.length > 0);
    const drops = tapDrops();
    request.unsubscribe();
    values.next(2);
    await eventually(() => drops.length > 0);
    expect(heard).toEqual([1]);
  });

  it('has no reply in time fails, and the late reply is dropped', async () => {
    const drops = tapDrops();
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

  it('asks for a time of its own has it', async () => {
    const patient = client({ requestTimeout: 20 });
    const hasty = client({ requestTimeout: 0 });
    const waiting = [
      outcomeOf(patient.send('lifetime.held', waitingFor(0))),
      outcomeOf(patient.send('lifetime.held', waitingFor(60_000))),
    ];
    const { error } = await outcomeOf(hasty.send('lifetime.held', waitingFor(30)));
    expect(error).toMatchObject({ name: 'RequestTimeoutError', message: /30 ms/ });
    await outcomeOf(patient.send('lifetime.held', 'the default'));
    gate.open();
    expect(await Promise.all(waiting)).toEqual([{ values: ['x'] }, { values: ['x'] }]);
  });

  it('gets replies in time goes on longer than its timeout', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const asking = client({ requestTimeout: 60_000 });
    const heard: number[] = [];
    const request$ = asking.send<number>('lifetime.stream', 0).pipe(tap((it) => heard.push(it)));
    const outcome = outcomeOf(request$);
    await eventually(() => seen.includes('streaming'));
    for (const value of [1, 2, 3]) {
      vi.advanceTimersByTime(50_000);
      values.next(value);
      await eventually(() => heard.includes(value));
    }
    vi.advanceTimersByTime(60_000);
    const { error } = await outcome;
    expect(error).toBeInstanceOf(RequestTimeoutError);
    expect(heard).toEqual([1, 2, 3]);
  });

  it('reaches nobody fails at once', async () => {
    const { error } = await outcomeOf(client({ requestTimeout: 0 }).send('lifetime.nobody', 0));
    expect(error).toBeInstanceOf(NoSubscribersError);
    expect(error).toMatchObject({
      code: 'ERR_PUBSUB_NO_SUBSCRIBERS',
      message: expect.stringContaining('lifetime.nobody') as string,
    });
  });

  it('comes while the connection ends fails at once, and is not sent later', async () => {
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
  });

  it('reaches only an event handler has no reply', async () => {
    const { error } = await outcomeOf(client({ requestTimeout: 50 }).send('lifetime.event', 'x'));
    expect(error).toBeInstanceOf(RequestTimeoutError);
    await eventually(() => seen.length > 0);
    expect(seen).toEqual([['event', 'x']]);
  });

  it('waits when its client closes fails, as do the others', async () => {
    const asking = client({ requestTimeout: 0 });
    const outcomes = ['a', 'b'].map((data) => outcomeOf(asking.send('lifetime.held', data)));
    await eventually(() => seen.length >= 2);
    await asking.close();
    for (const { error } of await Promise.all(outcomes)) expect(error).toBeInstanceOf(ClosedError);
  });

  it('waits when its client closes fails, also where the teardown of another one throws', async () => {
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

  it('is being subscribed for when its client closes fails', async () => {
    const asking = client({ requestTimeout: 0 });
    await asking.connect();
    const outcome = outcomeOf(asking.send('lifetime.held', 'x'));
    await asking.close();
    const { error } = await outcome;
    expect(error).toBeInstanceOf(ClosedError);
  });

  it('is streamed to ends on the server when its client is gone', async () => {
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

  it('is streamed to when the server closes fails for its client', async () => {
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
