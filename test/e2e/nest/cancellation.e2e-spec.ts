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
import { IN_MEMORY } from '../../support/in-memory.js';

let running = 0;
let mostRunning = 0;

/** A stream that emits one value and never completes. */
const endless = (): Observable<number> =>
  new Observable<number>((observer) => {
    running++;
    observer.next(1);
  }).pipe(finalize(() => running--));

/** With an interceptor, Nest turns the result of a method into an Observable. */
class PassThroughInterceptor implements NestInterceptor {
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

  @UseInterceptors(PassThroughInterceptor)
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

/** Fails the request that {@link StreamingResponder} answers with a stream. */
@Controller()
class FailingResponder {
  @MessagePattern('stream.elsewhere')
  elsewhere() {
    throw new RpcException('not here');
  }
}

@Controller()
class StreamingResponder {
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

describe('a cancelled request', () => {
  const redis = useRedis();
  beforeEach(() => {
    running = mostRunning = 0;
    handled.length = 0;
    values = new Subject();
  });

  // Longer than the timeout of a test, so that a stream that still runs at the close fails the test.
  const options = () => ({ connection: redis.url, shutdownTimeout: 120_000 });
  const connect = () => createClient({ connection: redis.url });

  it('ends the streams of all its servers when it is unsubscribed', async () => {
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

  it('ends its stream when it times out', async () => {
    await startService(module, options());
    const client = connect();
    const request = new RedisPubSubRecordBuilder({}).setTimeout(20).build();
    const replies = lastValueFrom(client.send('stream.endless', request));
    await expect(replies).rejects.toBeInstanceOf(RequestTimeoutError);
    await eventually(() => running === 0);
  });

  it('ends its stream when its client closes', async () => {
    await startService(module, options());
    const client = connect();
    const failures: unknown[] = [];
    client.send('stream.endless', {}).subscribe({ error: (error) => failures.push(error) });
    await eventually(() => running === 1);
    await client.close();
    expect(failures).toEqual([expect.any(ClosedError)]);
    await eventually(() => running === 0);
  });

  it('shares a cancel message with the others of its tick, and a server accepts a single one', async () => {
    await startService(module, options());
    const client = connect();
    const cancellations: string[] = [];
    const monitor = redis.client.duplicate();
    closeAfterTest(() => monitor.quit());
    monitor.on('message', (_channel, text: string) => cancellations.push(text));
    await monitor.subscribe('_pubsub.cancel');
    const subscriptions = Array.from({ length: 100 }, () =>
      client.send('stream.endless', {}).subscribe(),
    );
    await eventually(() => running === 100);
    for (const subscription of subscriptions.slice(1)) subscription.unsubscribe();
    await eventually(() => running === 1);
    const packets = cancellations.flatMap((text) => JSON.parse(text) as { replyTo: string }[]);
    expect(packets).toHaveLength(99);
    expect(cancellations.length).toBeLessThan(10);
    // The first request still runs.
    const [inbox = ''] = packets.map(({ replyTo }) => replyTo);
    await redis.client.publish('_pubsub.cancel', JSON.stringify({ id: 1, replyTo: inbox }));
    await eventually(() => running === 0);
    subscriptions[0]?.unsubscribe();
  });

  it('does not start a stream that its handler returns after the cancellation', async () => {
    const opening = new EventEmitter();
    gate = once(opening, 'open').then(() => undefined);
    await startService(module, options());
    const client = connect();
    const subscription = client.send('stream.late', {}).subscribe();
    await eventually(() => running === 1);
    subscription.unsubscribe();
    // The cancellation arrives before this request, over the same connections.
    expect(await firstValueFrom(client.send('plain', 7))).toBe(7);
    opening.emit('open');
    expect(await firstValueFrom(client.send('plain', 8))).toBe(8);
    await eventually(() => running === 0);
  });

  it('counts towards concurrency until its handler ends, also with an interceptor', async () => {
    const opening = new EventEmitter();
    gate = once(opening, 'open').then(() => undefined);
    await startService(module, options());
    const client = connect();
    const first = client.send('bounded', 1).subscribe();
    await eventually(() => running === 1);
    first.unsubscribe();
    const second = firstValueFrom(client.send('bounded', 2));
    // Earlier messages have arrived before this one, over the same connections.
    expect(await firstValueFrom(client.send('plain', 7))).toBe(7);
    expect(running).toBe(1);
    opening.emit('open');
    expect(await second).toBe(2);
    expect(mostRunning).toBe(1);
  });

  it('is not handled if it still waits because of concurrency', async () => {
    const opening = new EventEmitter();
    gate = once(opening, 'open').then(() => undefined);
    await startService(module, options());
    const client = connect();
    const first = firstValueFrom(client.send('queued', 1));
    await eventually(() => handled.length === 1);
    const [second, third] = [2, 3].map((n) => firstValueFrom(client.send('queued', n)));
    const cancelled = client.send('queued', 4).subscribe();
    const last = firstValueFrom(client.send('queued', 5));
    expect(await firstValueFrom(client.send('plain', 7))).toBe(7);
    cancelled.unsubscribe();
    expect(await firstValueFrom(client.send('plain', 8))).toBe(8);
    opening.emit('open');
    expect(await Promise.all([first, second, third, last])).toEqual([1, 2, 3, 5]);
    expect(handled).toEqual([1, 2, 3, 5]);
  });

  it('ends the stream of a slow server after the error of a fast one', async () => {
    await startService({ module: class {}, controllers: [FailingResponder] }, options());
    await startService({ module: class {}, controllers: [StreamingResponder] }, options());
    const client = connect();
    await expect(lastValueFrom(client.send('stream.elsewhere', {}))).rejects.toEqual({
      status: 'error',
      message: 'not here',
    });
    await eventually(() => running === 1);
    values.next(1);
    await eventually(() => running === 0);
  });

  it('does not end the streams of other requests', async () => {
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

  it.skipIf(IN_MEMORY)(
    'is optional: a server without access to the cancel channel warns and still replies',
    async () => {
      const rights = ['on', '>secret', 'resetchannels', '&plain', '&stream.*', '+@all'];
      await redis.client.call('ACL', 'SETUSER', 'limited', ...rights, '&_pubsub.inbox.*');
      const connection = { port: redis.port, username: 'limited', password: 'secret' };
      const service = { module: class {}, controllers: [PlainOnly] };
      const { log } = await startService(service, { connection, introspection: false });
      expect(log.of('warn')).toEqual([
        expect.stringContaining('Clients cannot cancel their requests'),
      ]);
      const client = connect();
      expect(await firstValueFrom(client.send('plain', 3))).toBe(3);
    },
  );
});

@Controller()
class PlainOnly {
  @MessagePattern('plain')
  plain(value: number) {
    return value;
  }
}
