import { Controller, Get, Query } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern } from '@nestjs/microservices';
import type { Server } from 'node:http';
import request from 'supertest';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  buildChannel,
  ChannelParam,
  decodeSegment,
  encodeSegment,
  escapeGlob,
  InvalidChannelError,
  InvalidOptionError,
  RedisPubSubModule,
  RedisPubSubService,
} from 'nestjs-redis-pubsub';
import { captureLog, closeAfterTest } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';

const literals = ['*', '?', '[a]', '[^a]', '[a-z]', 'x\\', '\\*', '**', '__proto__', 'é🎉', ' '];
const others = ['a', 'x', 'alice', '42', 'xx', '\\'];

const seen: string[] = [];

@Controller()
class Inboxes {
  @Get('built')
  built(@Query('id') id: string) {
    return buildChannel('user.:id.inbox', { id });
  }

  @Get('decoded')
  decoded(@Query('id') id: string) {
    return decodeSegment(id);
  }

  @Get('template')
  template(@Query('id') id: string) {
    return buildChannel('news', { id });
  }
}

@Controller()
class EncodedInboxes {
  @EventPattern<string>('inbox.:id')
  receive(@ChannelParam('id', { transform: decodeSegment }) id: string) {
    seen.push(id);
  }
}

const startHttp = async (): Promise<() => ReturnType<typeof request>> => {
  const app = await NestFactory.create(
    { module: class {}, controllers: [Inboxes] },
    { logger: captureLog(), abortOnError: false },
  );
  closeAfterTest(() => app.close());
  await app.init();
  return () => request(app.getHttpServer() as Server);
};

describe('a user id in an HTTP request', () => {
  it.each(['a.b', '', 'ada@example.com', ':x', 'a/b'])(
    'that is not one segment is answered with 400 and the reason: "%s"',
    async (id) => {
      const http = await startHttp();
      const { status, body } = await http().get('/built').query({ id });
      expect(status).toBe(400);
      expect(body).toEqual({
        statusCode: 400,
        message: expect.stringContaining('encodeSegment') as string,
      });
    },
  );

  it('that is missing is answered with 400', async () => {
    const http = await startHttp();
    expect((await http().get('/built')).status).toBe(400);
    expect((await http().get('/decoded')).status).toBe(400);
  });

  it('that encodeSegment did not return is answered with 400', async () => {
    const http = await startHttp();
    expect((await http().get('/decoded').query({ id: 'a@b' })).status).toBe(400);
  });

  it('is not blamed for a template without a place for it', async () => {
    const http = await startHttp();
    expect((await http().get('/template').query({ id: 'a' })).status).toBe(500);
  });
});

describe('a user id in a channel name', () => {
  const redis = useRedis();

  beforeEach(() => {
    seen.length = 0;
  });

  const start = async (): Promise<RedisPubSubService> => {
    const app = await NestFactory.createApplicationContext(
      { module: class {}, imports: [RedisPubSubModule.forRoot({ connection: redis.url })] },
      { logger: captureLog(), abortOnError: false },
    );
    closeAfterTest(() => app.close());
    return app.get(RedisPubSubService);
  };

  /** Publishes to every user, to this one last. Resolves to the messages that the observer received. */
  const receivedFor = async (service: RedisPubSubService, id: string): Promise<string[]> => {
    const otherIds = [...others, ...literals, ':x', 'a.b', 'a.x', 'fe80:x:abc'].filter(
      (other) => other !== id,
    );
    for (const other of otherIds) await service.publish(`user.${other}.inbox`, other);
    await service.publish(`user.${id}.inbox`, id);
    await eventually(() => seen.includes(id));
    return seen;
  };

  it.each([...literals, ':x', 'a.b', ''])('is literal in observe: "%s"', async (id) => {
    const service = await start();
    service.observe<string>(`user.${id}.inbox`).subscribe(({ data }) => seen.push(data));
    await redis.subscribers(`user.${id}.inbox`, 1);
    expect(await service.patternCount()).toBe(0);
    expect(await receivedFor(service, id)).toEqual([id]);
  });

  it.each([...literals, ':x', 'a.b', ''])('is literal in subscribe: "%s"', async (id) => {
    const service = await start();
    const subscription = await service.subscribe<string>(`user.${id}.inbox`, ({ data }) =>
      seen.push(data),
    );
    expect(subscription.pattern).toBe(`user.${id}.inbox`);
    expect(await service.patternCount()).toBe(0);
    expect(await receivedFor(service, id)).toEqual([id]);
  });

  it.each([...literals, ':x', 'a.b'])('is literal in publish: "%s"', async (id) => {
    const service = await start();
    for (const other of others) {
      await service.subscribe(`user.${other}.inbox`, ({ channel }) => seen.push(channel));
    }
    expect(await service.publish(`user.${id}.inbox`, 1)).toBe(0);
    expect(await service.publish('user.a.inbox', 1)).toBe(1);
    await eventually(() => seen.length > 0);
    expect(seen).toEqual(['user.a.inbox']);
  });

  it.each(literals)(
    'that is one segment is inserted by buildChannel unchanged: "%s"',
    async (id) => {
      const channel = buildChannel('user.:id.inbox', { id });
      expect(channel).toBe(`user.${id}.inbox`);
      const service = await start();
      await service.subscribe<string>(channel, ({ data }) => seen.push(data));
      expect(await receivedFor(service, id)).toEqual([id]);
    },
  );

  it.each([':x', 'a.b', '', '.', ':', '/', 'a:b', 'a/b', '*.x', '_pubsub.inbox'])(
    'that is not one segment is rejected by buildChannel: "%s"',
    (id) => {
      for (const template of ['user.:id.inbox', 'user::id:inbox', ':id', 'user/:id']) {
        expect(() => buildChannel(template, { id })).toThrow(InvalidOptionError);
        expect(() => buildChannel(template, { id })).toThrow(/Expected "id" to be a value that is/);
      }
    },
  );

  it.each<{ id: unknown }>([
    { id: undefined },
    { id: null },
    { id: true },
    { id: {} },
    { id: ['a'] },
    { id: Symbol('a') },
    { id: () => 'a' },
  ])('that is neither text nor number is rejected by buildChannel: $id', ({ id }) => {
    const values = { id: id as string };
    expect(() => buildChannel('user.:id', values)).toThrow(InvalidOptionError);
  });

  it('that is missing is not read from the prototype', () => {
    for (const name of ['toString', 'constructor', '__proto__']) {
      expect(() => buildChannel(`user.:${name}`, {})).toThrow(InvalidOptionError);
    }
  });

  it('that is malformed is rejected by buildChannel, and so is a template with a glob', () => {
    expect(() => buildChannel('user.:id', { id: 'a\ud800' })).toThrow(InvalidChannelError);
    expect(() => buildChannel('user.*.:id', { id: 'a' })).toThrow(InvalidChannelError);
    expect(buildChannel('user.:id.:n.:big', { id: 'a', n: -1, big: 2n })).toBe('user.a.-1.2');
  });

  const inPatterns = [...literals, ':x', 'a.:x', 'fe80::abc', 'a:'];
  it.each(inPatterns)('matches only itself in a pattern that escapes it: "%s"', async (id) => {
    const service = await start();
    const pattern = `user.${escapeGlob(id)}.*`;
    await service.subscribePattern<string>(pattern, ({ data }) => seen.push(data));
    expect(await receivedFor(service, id)).toEqual([id]);
  });

  it('of any text reaches a handler through encodeSegment and decodeSegment', async () => {
    const app = await NestFactory.createApplicationContext(
      {
        module: class {},
        imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
        controllers: [EncodedInboxes],
      },
      { logger: captureLog(), abortOnError: false },
    );
    closeAfterTest(() => app.close());
    const ids = [
      ...literals,
      ...others,
      'ada@example.com',
      'google-oauth2|1.2',
      '',
      'a:b',
      '\ud800',
    ];
    for (const id of ids) {
      const channel = buildChannel('inbox.:id', { id: encodeSegment(id) });
      expect(await app.get(RedisPubSubService).publish(channel, 1)).toBe(1);
    }
    await eventually(() => seen.length >= ids.length);
    expect(seen).toEqual(ids);
  });

  it('is read back from the channel by a parameter unchanged', async () => {
    const service = await start();
    await service.subscribePattern('user.:id.inbox', ({ params }) => seen.push(params.id ?? ''));
    for (const id of literals) {
      await service.publish(buildChannel('user.:id.inbox', { id }), 1);
    }
    await eventually(() => seen.length >= literals.length);
    expect(seen).toEqual(literals);
  });
});
