import { EventEmitter, once } from 'node:events';
import {
  Controller,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { Observable, Subject, finalize, firstValueFrom, lastValueFrom, scan, take } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { ClosedError, RedisPubSubRecordBuilder, RequestTimeoutError } from 'nestjs-redis-pubsub';
import { closeAfterTest, createClient, startService } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';

let running = 0;
let mostRunning = 0;

/** A stream that says one thing and never ends by itself. */
const endless = (): Observable<number> =>
  new Observable<number>((observer) => {
    running++;
    observer.next(1);
  }).pipe(finalize(() => running--));

/** With an interceptor Nest makes an Observable of whatever a method returns. */
class Passing implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle();
  }
}

@Controller()
class Streams {
  @MessagePattern('stream.endless')
  endless() {
    return endless();
  }

  @MessagePattern('stream.late')
  async late(): Promise<Observable<number>> {
    running++;
    await gate;
    running--;
    return endless();
  }

  @UseInterceptors(Passing)
  @MessagePattern('bounded', { concurrency: 1 })
  async bounded(@Payload() value: number) {
    mostRunning = Math.max(mostRunning, ++running);
    await gate;
    running--;
    return value;
  }

  @MessagePattern('queued', { concurrency: 1 })
  async queued(@Payload() value: number) {
    handled.push(value);
    await gate;
    return value;
  }

  @MessagePattern('plain')
  plain(value: number) {
    return value;
  }
}

/** Knows nothing of what others stream. */
@Controller()
class Ignorant {
  @MessagePattern('stream.elsewhere')
  elsewhere() {
    throw new RpcException('not here');
  }
}

@Controller()
class Knowing {
  @MessagePattern('stream.elsewhere')
  elsewhere() {
    running++;
    return values.pipe(finalize(() => running--));
  }
}

let values = new Subject<number>();
const handled: number[] = [];
let gate: Promise<void>;
const module = { module: class {}, controllers: [Streams] };

describe('a request that nobody waits for any more', () => {
  const redis = useRedis();
  beforeEach(() => {
    running = mostRunning = 0;
    handled.length = 0;
    values = new Subject();
  });

  // Longer than the test may take: with a stream that goes on, closing would not end in time.
  const options = () => ({ connection: redis.url, shutdownTimeout: 120_000 });
  const connect = () => createClient({ connection: redis.url });

  it('ends the streams of all its responders when it is unsubscribed', async () => {
    await startService(module, options());
    await startService(module, options());
    const client = connect();
    const sum$ = client.send<number>('stream.endless', {}).pipe(
      scan((sum, value) => sum + value),
      take(2),
    );
    expect(await lastValueFrom(sum$)).toBe(2);
    await eventually(() => running === 0);
  });

  it('ends its streams when it times out', async () => {
    await startService(module, options());
    const client = connect();
    const request = new RedisPubSubRecordBuilder({}).setTimeout(20).build();
    const replies = lastValueFrom(client.send('stream.endless', request));
    await expect(replies).rejects.toBeInstanceOf(RequestTimeoutError);
    await eventually(() => running === 0);
  });

  it('ends its streams when its client is closed', async () => {
    await startService(module, options());
    const client = connect();
    const failures: unknown[] = [];
    client.send('stream.endless', {}).subscribe({ error: (error) => failures.push(error) });
    await eventually(() => running === 1);
    await client.close();
    expect(failures).toEqual([expect.any(ClosedError)]);
    await eventually(() => running === 0);
  });

  it('is told of together with others of its tick, and by itself from other languages', async () => {
    await startService(module, options());
    const client = connect();
    const told: string[] = [];
    const monitor = redis.client.duplicate();
    closeAfterTest(() => monitor.quit());
    monitor.on('message', (_channel, text: string) => told.push(text));
    await monitor.subscribe('_pubsub.cancel');
    const subscriptions = Array.from({ length: 100 }, () =>
      client.send('stream.endless', {}).subscribe(),
    );
    await eventually(() => running === 100);
    for (const subscription of subscriptions.slice(1)) subscription.unsubscribe();
    await eventually(() => running === 1);
    const packets = told.flatMap((text) => JSON.parse(text) as { replyTo: string }[]);
    expect(packets).toHaveLength(99);
    expect(told.length).toBeLessThan(10);
    // The first one is still there.
    const [inbox = ''] = packets.map(({ replyTo }) => replyTo);
    await redis.client.publish('_pubsub.cancel', JSON.stringify({ id: 1, replyTo: inbox }));
    await eventually(() => running === 0);
    subscriptions[0]?.unsubscribe();
  });

  it('never begins a stream that its handler returns afterwards', async () => {
    const opening = new EventEmitter();
    gate = once(opening, 'open').then(() => undefined);
    await startService(module, options());
    const client = connect();
    const subscription = client.send('stream.late', {}).subscribe();
    await eventually(() => running === 1);
    subscription.unsubscribe();
    // The cancellation comes before this request, over the same connections.
    expect(await firstValueFrom(client.send('plain', 7))).toBe(7);
    opening.emit('open');
    expect(await firstValueFrom(client.send('plain', 8))).toBe(8);
    await eventually(() => running === 0);
  });

  it('holds its place in a bounded handler until that has ended, behind an interceptor, too', async () => {
    const opening = new EventEmitter();
    gate = once(opening, 'open').then(() => undefined);
    await startService(module, options());
    const client = connect();
    const first = client.send('bounded', 1).subscribe();
    await eventually(() => running === 1);
    first.unsubscribe();
    const second = firstValueFrom(client.send('bounded', 2));
    // Whatever was sent before it has come, over the same connections.
    expect(await firstValueFrom(client.send('plain', 7))).toBe(7);
    expect(running).toBe(1);
    opening.emit('open');
    expect(await second).toBe(2);
    expect(mostRunning).toBe(1);
  });

  it('is not handled where it waited for a bounded handler', async () => {
    const opening = new EventEmitter();
    gate = once(opening, 'open').then(() => undefined);
    await startService(module, options());
    const client = connect();
    const first = firstValueFrom(client.send('queued', 1));
    await eventually(() => handled.length === 1);
    const [second, third] = [2, 3].map((n) => firstValueFrom(client.send('queued', n)));
    const given = client.send('queued', 4).subscribe();
    const last = firstValueFrom(client.send('queued', 5));
    expect(await firstValueFrom(client.send('plain', 7))).toBe(7);
    given.unsubscribe();
    expect(await firstValueFrom(client.send('plain', 8))).toBe(8);
    opening.emit('open');
    expect(await Promise.all([first, second, third, last])).toEqual([1, 2, 3, 5]);
    expect(handled).toEqual([1, 2, 3, 5]);
  });

  it('ends the stream of a slow responder after a quick one has failed', async () => {
    await startService({ module: class {}, controllers: [Ignorant] }, options());
    await startService({ module: class {}, controllers: [Knowing] }, options());
    const client = connect();
    await expect(lastValueFrom(client.send('stream.elsewhere', {}))).rejects.toEqual({
      status: 'error',
      message: 'not here',
    });
    await eventually(() => running === 1);
    values.next(1);
    await eventually(() => running === 0);
  });

  it('is no concern of other requests', async () => {
    await startService(module, options());
    const client = connect();
    const other = client.send('stream.endless', {}).subscribe();
    await eventually(() => running === 1);
    await firstValueFrom(client.send('stream.endless', {}));
    await eventually(() => running === 1);
    expect(await firstValueFrom(client.send('plain', 1))).toBe(1);
    expect(running).toBe(1);
    other.unsubscribe();
  });

  it('is answered by a server that may not hear of cancellations, too', async () => {
    const rights = ['on', '>secret', 'resetchannels', '&plain', '&stream.*', '+@all'];
    await redis.client.call('ACL', 'SETUSER', 'limited', ...rights, '&_pubsub.inbox.*');
    const connection = { port: redis.port, username: 'limited', password: 'secret' };
    const service = { module: class {}, controllers: [PlainOnly] };
    const { log } = await startService(service, { connection });
    expect(log.of('warn')).toEqual([
      expect.stringContaining('Clients cannot cancel their requests'),
    ]);
    const client = connect();
    expect(await firstValueFrom(client.send('plain', 3))).toBe(3);
  });
});

@Controller()
class PlainOnly {
  @MessagePattern('plain')
  plain(value: number) {
    return value;
  }
}
