import { Controller } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { createClient as createNodeRedis } from 'redis';
import { of } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { closeAfterTest, startService } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';

const seen: unknown[] = [];

@Controller()
class Service {
  @MessagePattern('user.get')
  get(@Payload() data: unknown) {
    seen.push(['get', data]);
    return { got: data };
  }

  @MessagePattern('user.stream')
  stream() {
    return of(1, 2, 3);
  }

  @MessagePattern('user.fail')
  fail() {
    throw new RpcException({ code: 404 });
  }

  @EventPattern('user.*')
  event(@Payload() data: unknown) {
    seen.push(['event', data]);
  }
}

describe('a request of a client without Nest', () => {
  const redis = useRedis();

  beforeEach(() => {
    seen.length = 0;
  });

  const start = (prefix = '') =>
    startService({ module: class {}, controllers: [Service] }, { connection: redis.url, prefix });

  /** Sends a request as a program in another language does, and collects the messages on the reply channel. */
  const ask = async (channel: string, request: object, replyChannel: string) => {
    const publisher = createNodeRedis({ url: redis.url });
    await publisher.connect();
    closeAfterTest(() => publisher.close());
    const subscriber = publisher.duplicate();
    await subscriber.connect();
    closeAfterTest(() => subscriber.close());
    const replies: Record<string, unknown>[] = [];
    await subscriber.subscribe(replyChannel, (text) => {
      replies.push(JSON.parse(text) as Record<string, unknown>);
    });
    await publisher.publish(channel, JSON.stringify(request));
    await eventually(() => replies.some(({ isDisposed }) => isDisposed === true));
    return replies;
  };

  it.each(['a1', '', 0, 7, -1.5, 2 ** 53])(
    'is answered on <channel>.reply with its id unchanged: %j',
    async (id) => {
      await start();
      const request = { pattern: 'user.get', data: { a: 1 }, id };
      expect(await ask('user.get', request, 'user.get.reply')).toEqual([
        { id, response: { got: { a: 1 } }, isDisposed: true },
      ]);
    },
  );

  it('is answered below the prefix, whether its pattern has the prefix or not', async () => {
    await start('app:');
    for (const pattern of ['user.get', 'app:user.get']) {
      expect(await ask('app:user.get', { pattern, data: 1, id: 1 }, 'app:user.get.reply')).toEqual([
        { id: 1, response: { got: 1 }, isDisposed: true },
      ]);
    }
  });

  it('is answered in its own inbox below the reserved segment, also with a prefix', async () => {
    await start('app:');
    const replyTo = '_pubsub.inbox.python-17';
    const request = { pattern: 'user.get', data: 1, id: 1, replyTo };
    expect(await ask('app:user.get', request, replyTo)).toEqual([
      { id: 1, response: { got: 1 }, isDisposed: true },
    ]);
  });

  it('is answered with the values of a stream in order, the last one marked, and with errors', async () => {
    await start();
    const stream = { pattern: 'user.stream', data: {}, id: 1 };
    expect(await ask('user.stream', stream, 'user.stream.reply')).toEqual([
      { id: 1, response: 1 },
      { id: 1, response: 2 },
      { id: 1, response: 3, isDisposed: true },
    ]);
    const failing = { pattern: 'user.fail', data: {}, id: 2 };
    expect(await ask('user.fail', failing, 'user.fail.reply')).toEqual([
      { id: 2, err: { code: 404 }, isDisposed: true },
    ]);
  });

  it('also reaches event handlers, which send no reply and receive no reply', async () => {
    await start();
    await ask('user.get', { pattern: 'user.get', data: 1, id: 'a' }, 'user.get.reply');
    await redis.client.publish('user.last', '"last"');
    await eventually(() => seen.length >= 3);
    expect(seen.toSorted()).toEqual([
      ['event', 1],
      ['event', 'last'],
      ['get', 1],
    ]);
  });

  it('is an event, and not answered, when its id is neither text nor number', async () => {
    await start();
    const replies: string[] = [];
    const subscriber = redis.client.duplicate();
    closeAfterTest(() => subscriber.quit());
    subscriber.on('message', (_channel, text: string) => replies.push(text));
    await subscriber.subscribe('user.get.reply');
    for (const id of [null, true, {}, ['a']]) {
      const request = { pattern: 'user.get', data: id, id };
      await redis.client.publish('user.get', JSON.stringify(request));
    }
    const last = { pattern: 'user.get', data: 'last', id: 1 };
    await redis.client.publish('user.get', JSON.stringify(last));
    await eventually(() => replies.length > 0);
    expect(replies).toEqual(['{"response":{"got":"last"},"isDisposed":true,"id":1}']);
    expect(seen.filter((it) => String(it).startsWith('get'))).toHaveLength(5);
  });
});
