import { Controller, Get, ServiceUnavailableException } from '@nestjs/common';
import { ClientProxyFactory } from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import { catchError, firstValueFrom, throwError, type Observable } from 'rxjs';
import { NestFactory } from '@nestjs/core';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RedisPubSubClient } from 'nestjs-redis-pubsub';
import { choosePort } from '../../../sample/support/server-port.js';
import { captureLog, closeAfterTest, createClient } from '../../support/app.js';
import { linkStates, outcomeOf } from '../../support/nest-app.js';
import { eventually } from '../../support/redis.js';

/** How applications distinguish an unreachable Redis from other errors. */
function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, cause } = error as Error & { code?: string; cause?: { code?: string } };
  const codes = [code, cause?.code];
  return error.message.includes('Connection is closed.') || codes.includes('ECONNREFUSED');
}

describe('a client whose Redis is unreachable', () => {
  let connection: string;
  beforeEach(async () => {
    captureLog();
    connection = `redis://127.0.0.1:${choosePort()}`;
  });
  afterEach(() => vi.useRealTimers());

  it('rejects a request with ConnectionError after the first failed attempt', async () => {
    const client = createClient({ connection });
    const failure: unknown = await firstValueFrom(client.send('dead.ask', 1)).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(Error);
    expect(failure).toMatchObject({ name: 'ConnectionError', code: 'ERR_PUBSUB_CONNECTION' });
    expect(isUnreachable(failure)).toBe(true);
  });

  it('rejects an event with ConnectionError after the first failed attempt', async () => {
    const client = createClient({ connection });
    const failure: unknown = await firstValueFrom(client.emit('dead.tell', 1)).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ name: 'ConnectionError', code: 'ERR_PUBSUB_CONNECTION' });
    expect(isUnreachable(failure)).toBe(true);
  });

  it('rejects requests and events with ConnectionError if no Sentinel is reachable', async () => {
    const { port } = new URL(connection);
    const sentinels = [{ host: '127.0.0.1', port: Number(port) }];
    const client = createClient({ connection: { sentinels, name: 'main' }, requestTimeout: 0 });
    for (const outcome$ of [client.send('dead.ask', 1), client.emit('dead.tell', 1)]) {
      const { error } = await outcomeOf(outcome$);
      expect(error).toMatchObject({ code: 'ERR_PUBSUB_CONNECTION' });
      expect(String(error)).toContain('All sentinels are unreachable');
    }
  });

  it('lets an HTTP controller answer with 503 instead of hanging', async () => {
    @Controller()
    class Caller {
      @Get()
      call(): Observable<unknown> {
        const client = ClientProxyFactory.create({
          customClass: RedisPubSubClient,
          options: { connection },
        });
        closeAfterTest(async () => client.close());
        return client
          .send({ cmd: 'none' }, [1, 2, 3])
          .pipe(
            catchError((error: unknown) =>
              throwError(() => (isUnreachable(error) ? new ServiceUnavailableException() : error)),
            ),
          );
      }
    }
    const module = { module: class {}, controllers: [Caller] };
    const app = await NestFactory.create(module, { logger: captureLog() });
    closeAfterTest(() => app.close());
    await app.init();
    const { status } = await request(app.getHttpServer()).get('/');
    expect(status).toBe(503);
  });

  describe('after close()', () => {
    let client: RedisPubSubClient;
    const sockets = (): unknown[] => client.unwrap<[Redis, Redis]>().map(({ stream }) => stream);

    beforeEach(async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
      client = createClient({ connection });
      await outcomeOf(client.send('dead.ask', 1));
      await client.close();
      const [publisher, subscriber] = client.unwrap<[Redis, Redis]>();
      await eventually(() => publisher.stream.closed && subscriber.stream.closed);
    });

    it('makes no further attempt to connect', async () => {
      const before = sockets();
      await vi.advanceTimersByTimeAsync(60_000);
      expect(sockets().map((socket, i) => socket === before[i])).toEqual([true, true]);
      expect(linkStates(client)).not.toContain('connecting');
    });

    it('leaves no timer running once its connections are closed', async () => {
      await vi.advanceTimersByTimeAsync(100);
      expect(vi.getTimerCount()).toBe(0);
    });
  });
});
