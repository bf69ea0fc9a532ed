import { Injectable } from '@nestjs/common';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  ConnectionError,
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubRecordBuilder,
  RedisPubSubService,
} from 'nestjs-redis-pubsub';
import { captureLog, closeAfterTest, createClient, startService } from '../../support/app.js';
import { startBuiltIn } from '../../support/built-in.js';
import { requestHandler } from '../../support/handlers.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startContext } from '../module/apps.js';
import { IN_MEMORY } from '../../support/in-memory.js';

const errorOf = (outcome: Promise<unknown>): Promise<Error> =>
  outcome.then(
    () => new Error('It succeeded'),
    (error: Error) => error,
  );

@Injectable()
class Answers {
  @MessagePattern('kind.ask')
  answer() {
    return 'answer';
  }
}

describe('the error of a request', () => {
  const redis = useRedis();

  it.skipIf(IN_MEMORY)(
    'names the option for a server on the built-in transport, which did receive it',
    async () => {
      await startBuiltIn(
        requestHandler('old.ask', (it) => it),
        { port: redis.port },
      );
      await redis.subscribers('old.ask', 1);
      const client = createClient({ connection: redis.url, requestTimeout: 300 });
      const error = await errorOf(firstValueFrom(client.send('old.ask', 1)));
      expect(error).toMatchObject({ code: 'ERR_PUBSUB_TIMEOUT', name: 'RequestTimeoutError' });
      expect(error.message).toBe(
        `No reply on "old.ask" within 300 ms, although Redis delivered the request to 1 subscription. Event handlers and observers do not reply, and a server on Nest's Transport.REDIS replies on another channel: for such a server set replies: 'compat'`,
      );
      const compat = createClient({ connection: redis.url, replies: 'compat' });
      expect(await firstValueFrom(compat.send('old.ask', 1))).toBe(1);
    },
  );

  it('does not name the option where it is set', async () => {
    await startService(
      requestHandler('slow.ask', () => new Promise(() => undefined)),
      {
        connection: redis.url,
        shutdownTimeout: 0,
      },
    );
    const client = createClient({
      connection: redis.url,
      requestTimeout: 200,
      replies: 'compat',
    });
    const error = await errorOf(firstValueFrom(client.send('slow.ask', 1)));
    expect(error.message).toBe('No reply on "slow.ask" within 200 ms');
  });

  it.each([true, false])(
    'names the option that missed the handler of this process: sharded %s',
    async (sharded) => {
      const { app } = await startContext({
        imports: [RedisPubSubModule.forRoot({ connection: redis.url, sharded })],
        providers: [Answers],
      });
      const record = new RedisPubSubRecordBuilder(1).setSharded(!sharded).build();
      const missed = app.get(RedisPubSubClient).send('kind.ask', record);
      const [sent, handled] = sharded ? ['not sharded', 'sharded'] : ['sharded', 'not sharded'];
      expect((await errorOf(firstValueFrom(missed))).message).toBe(
        `No subscriber for "kind.ask": the request was ${sent}, and the handler in this process is ${handled}. Set sharded: ${sharded} for the request, or change the handler`,
      );
      const unknown = app.get(RedisPubSubClient).send('other.ask', 1);
      expect((await errorOf(firstValueFrom(unknown))).message).toBe(
        'No subscriber for "other.ask"',
      );
    },
  );
});

describe('the error of a request that no handler replies to', () => {
  const redis = useRedis();

  @Injectable()
  class Events {
    @EventPattern<string>('only.*')
    onEvent() {}
  }

  const timeoutOf = async (
    options: object,
    prepare: (service: RedisPubSubService) => unknown = () => undefined,
  ): Promise<string> => {
    const { app } = await startContext({
      imports: [
        RedisPubSubModule.forRoot({ connection: redis.url, requestTimeout: 200, ...options }),
      ],
      providers: [Events],
    });
    await prepare(app.get(RedisPubSubService));
    const reply = app.get(RedisPubSubClient).send('only.ask', 1);
    return (await errorOf(firstValueFrom(reply))).message;
  };
  const ONLY = 'only @MessagePattern handlers reply';

  it.each(['inbox', 'compat'])('says so with replies: %s', async (replies) => {
    expect(await timeoutOf({ replies })).toBe(
      `No reply on "only.ask" within 200 ms, although Redis delivered the request to 1 subscription: ${ONLY}, and this process has event handlers or observers for it`,
    );
  });

  it('says so of observers, too', async () => {
    const text = await timeoutOf({ prefix: 'o:' }, (service) =>
      service.subscribe('only.ask', () => undefined),
    );
    expect(text).toContain(`to 2 subscriptions: ${ONLY}`);
  });

  it('does not say so where other processes receive the request', async () => {
    const other = redis.client.duplicate();
    closeAfterTest(async () => other.disconnect());
    await other.subscribe('only.ask');
    const text = await timeoutOf({});
    expect(text).not.toContain(ONLY);
    expect(text).toContain("replies: 'compat'");
  });
});

describe('a start that waits for Redis in a test', () => {
  it('logs the reason as an error before the five seconds of a hook have passed', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    // The logger of Nest's testing module shows errors alone.
    const log = captureLog();
    const connection = `redis://127.0.0.1:${port}`;
    const module = await Test.createTestingModule({
      imports: [RedisPubSubModule.forRoot({ connection, startTimeout: 3_000 })],
    })
      .setLogger(log)
      .compile();
    const before = performance.now();
    const started = errorOf(module.init());
    await eventually(() => log.of('error').length > 0);
    expect(performance.now() - before).toBeLessThan(5_000);
    const [line] = log.of('error');
    expect(line).toContain('The start waits for Redis, up to 3000 ms: ');
    expect(line).toContain(`127.0.0.1:${port}`);
    expect(line).toContain('ECONNREFUSED');
    expect(await started).toBeInstanceOf(ConnectionError);
  });
});
