import { Controller } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  RedisPubSubContext,
  RedisPubSubModule,
  RedisPubSubService,
  type RedisPubSubClientOptions,
} from 'nestjs-redis-pubsub';
import { captureLog, closeAfterTest, createClient, startService } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';

const seen: string[] = [];
const crashes: unknown[] = [];
const onCrash = (error: unknown): void => void crashes.push(error);

@Controller()
class Service {
  @MessagePattern('ask.me')
  ask(@Payload() data: unknown) {
    return { got: data };
  }
}

@Controller()
class Everything {
  @EventPattern<string>('*')
  all(@Ctx() context: RedisPubSubContext) {
    seen.push(`* ${context.getChannel()}`);
  }

  @EventPattern<string>('?pubsub.inbox.*')
  inboxes(@Ctx() context: RedisPubSubContext) {
    seen.push(`?pubsub ${context.getChannel()}`);
  }

  @EventPattern<string>(':a.:b.:c')
  segments(@Ctx() context: RedisPubSubContext) {
    seen.push(`:a.:b.:c ${context.getChannel()}`);
  }

  @MessagePattern('ask.*')
  ask(@Ctx() context: RedisPubSubContext) {
    seen.push(`ask.* ${context.getChannel()}`);
    return 'glob';
  }
}

const malformed = [
  '',
  'text',
  '{"id":',
  'null',
  '42',
  'true',
  '"1"',
  '[]',
  '[{"id":"1","response":"forged"}]',
  '{}',
  '{"response":"forged","isDisposed":true}',
  '{"id":null,"response":"forged"}',
  '{"id":true,"response":"forged"}',
  '{"id":{},"response":"forged"}',
  '{"id":["1"],"response":"forged","isDisposed":true}',
  '{"id":{"toString":1,"valueOf":1},"response":"forged"}',
  '{"id":"not pending","response":"forged","isDisposed":true}',
  '{"id":"__proto__","response":"forged","isDisposed":true}',
  '{"id":"constructor","err":"forged"}',
  `{"id":${'['.repeat(100_000)}${']'.repeat(100_000)},"response":"forged"}`,
  `{"id":"0","response":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
];

describe('a reply', () => {
  const redis = useRedis();

  beforeEach(() => {
    seen.length = crashes.length = 0;
    process.on('uncaughtException', onCrash).on('unhandledRejection', onCrash);
  });

  afterEach(() => {
    process.off('uncaughtException', onCrash).off('unhandledRejection', onCrash);
    if (crashes.length > 0) throw new Error('This ends the process', { cause: crashes[0] });
  });

  const startOurs = () =>
    startService({ module: class {}, controllers: [Service] }, { connection: redis.url });

  const connect = (options: RedisPubSubClientOptions = {}) =>
    createClient({ connection: redis.url, requestTimeout: 10_000, ...options });

  /** The channels and texts of the messages that a plain subscriber receives. */
  const listen = async (...channels: string[]): Promise<string[]> => {
    const subscriber = redis.client.duplicate();
    closeAfterTest(() => subscriber.quit());
    const received: string[] = [];
    subscriber.on('message', (channel, text: string) => received.push(`${channel} ${text}`));
    await subscriber.subscribe(...channels);
    return received;
  };

  const inboxes = async (): Promise<string[]> =>
    (await redis.client.pubsub('CHANNELS', '_pubsub.inbox.*')) as string[];

  it.each([
    'victim',
    'ask.me',
    '_pubsub',
    '_pubsub.',
    '_pubsub.inbox',
    '_pubsub.probe.1',
    '_pubsub_.inbox.1',
    'x_pubsub.inbox.1',
    ' _pubsub.inbox.1',
    '_PUBSUB.INBOX.1',
    '__keyspace@0__:x',
    '',
  ])('is sent to inboxes only, whatever replyTo the request has: "%s"', async (replyTo) => {
    const { log } = await startOurs();
    const received = await listen(replyTo, 'ask.me.reply', '_pubsub.inbox.mine');
    const request = { pattern: 'ask.me', data: 1, id: 'forged', replyTo };
    await redis.client.publish('ask.me', JSON.stringify(request));
    const proper = { pattern: 'ask.me', data: 2, id: 'ok', replyTo: '_pubsub.inbox.mine' };
    await redis.client.publish('ask.me', JSON.stringify(proper));
    await eventually(() => received.some((it) => it.startsWith('_pubsub.inbox.mine ')));
    const replies = received.filter((it) => !it.includes('"pattern"'));
    expect(replies).toEqual([
      '_pubsub.inbox.mine {"response":{"got":2},"isDisposed":true,"id":"ok"}',
    ]);
    expect(log.of('warn')).toEqual([
      'A request on "ask.me" names no reply inbox below "_pubsub.", and gets no reply',
    ]);
  });

  it('is not sent to an inbox below another reserved segment', async () => {
    await startService(
      { module: class {}, controllers: [Service] },
      { connection: redis.url, reservedSegment: 'ours' },
    );
    const received = await listen('_pubsub.inbox.mine', 'ours.inbox.mine');
    for (const replyTo of ['_pubsub.inbox.mine', 'ours.inbox.mine']) {
      const request = { pattern: 'ask.me', data: 1, id: 1, replyTo };
      await redis.client.publish('ask.me', JSON.stringify(request));
    }
    await eventually(() => received.length > 0);
    expect(received).toEqual(['ours.inbox.mine {"response":{"got":1},"isDisposed":true,"id":1}']);
  });

  it.each(malformed)(
    'without a pending request, or that is malformed, is dropped: %#',
    async (text) => {
      await startOurs();
      const client = connect();
      expect(await firstValueFrom(client.send('ask.me', 1))).toEqual({ got: 1 });
      const [inbox = ''] = await inboxes();
      expect(await redis.client.publish(inbox, text)).toBe(1);
      const replies$ = client.send<unknown>('ask.me', 2).pipe(toArray());
      expect(await lastValueFrom(replies$)).toEqual([{ got: 2 }]);
    },
  );

  it.each(malformed)('on <channel>.reply that is malformed is dropped: %#', async (text) => {
    const client = connect({ replies: 'compat' });
    const requests = await listen('ask.me');
    const reply = lastValueFrom(client.send<unknown>('ask.me', 2).pipe(toArray()));
    await eventually(() => requests.length > 0);
    const { id } = JSON.parse(requests[0]?.slice('ask.me '.length) ?? '') as { id: string };
    expect(await redis.client.publish('ask.me.reply', text)).toBe(1);
    const proper = { id, response: 'proper', isDisposed: true };
    await redis.client.publish('ask.me.reply', JSON.stringify(proper));
    expect(await reply).toEqual(['proper']);
  });

  it('that arrives after the last one, or twice, is ignored', async () => {
    const client = connect();
    const requests = await listen('ask.me');
    const reply = lastValueFrom(client.send<unknown>('ask.me', 2).pipe(toArray()));
    await eventually(() => requests.length > 0);
    const { id, replyTo } = JSON.parse(requests[0]?.slice('ask.me '.length) ?? '') as {
      id: string;
      replyTo: string;
    };
    for (const response of ['first', 'late', 'late']) {
      const packet = { id, response, isDisposed: true };
      await redis.client.publish(replyTo, JSON.stringify(packet));
    }
    expect(await reply).toEqual(['first']);
  });

  it('larger than maxPayloadBytes is dropped by the client', async () => {
    const client = connect({ maxPayloadBytes: 200 });
    const requests = await listen('ask.me');
    const reply = lastValueFrom(client.send<unknown>('ask.me', 2).pipe(toArray()));
    await eventually(() => requests.length > 0);
    const { id, replyTo } = JSON.parse(requests[0]?.slice('ask.me '.length) ?? '') as {
      id: string;
      replyTo: string;
    };
    await redis.client.publish(replyTo, JSON.stringify({ id, response: 'x'.repeat(200) }));
    await redis.client.publish(replyTo, JSON.stringify({ id, response: 'x', isDisposed: true }));
    expect(await reply).toEqual(['x']);
  });

  it.each(['', '_', 'app:'])('reaches no pattern, with the prefix "%s"', async (prefix) => {
    const options = { connection: redis.url, prefix };
    const app = await NestFactory.createApplicationContext(
      {
        module: class {},
        imports: [RedisPubSubModule.forRoot(options)],
        controllers: [Service, Everything],
      },
      { logger: captureLog(), abortOnError: false },
    );
    closeAfterTest(() => app.close());
    const service = app.get(RedisPubSubService);
    for (const pattern of ['*', '_*', '?pubsub*', ':a.inbox.:c', '[_]pubsub.*']) {
      await service.subscribePattern(pattern, ({ channel }) => seen.push(`${pattern} ${channel}`));
    }
    const client = connect({ prefix });
    await lastValueFrom(client.send('ask.other', 1));
    await lastValueFrom(connect({ prefix, replies: 'compat' }).send('ask.other', 1));
    const [inbox = ''] = await inboxes();
    await redis.client.publish(inbox, '"to the inbox"');
    await redis.client.publish('_pubsub.inbox.foreign', '"to an inbox"');
    await redis.client.publish('_pubsub.other', '"to the segment"');
    await service.publish('last', 1);
    await eventually(() => count('* last') === 2);
    expect([...new Set(seen)].toSorted()).toEqual(['* ask.other', '* last', 'ask.* ask.other']);
  });
});

function count(line: string): number {
  return seen.filter((it) => it === line).length;
}
