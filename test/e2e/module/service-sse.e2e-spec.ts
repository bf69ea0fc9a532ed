import type { Server } from 'node:http';
import { Controller, Param, Sse, type NestApplicationOptions } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { buildChannel, RedisPubSubModule, RedisPubSubService } from 'nestjs-redis-pubsub';
import { closeAfterTest } from '../../support/app.js';
import { useRedis } from '../../support/redis.js';
import { startHttpApp } from './apps.js';

@Controller()
class Notifications {
  constructor(private readonly pubsub: RedisPubSubService) {}

  @Sse('users/:id/notifications')
  stream(@Param('id') id: string) {
    return this.pubsub.observe(buildChannel('user.:id.notifications', { id }));
  }
}

/** A request that stays open. `until` reads until the text is complete or the stream ends. */
async function request(url: string) {
  const abort = new AbortController();
  closeAfterTest(async () => abort.abort());
  const response = await fetch(url, { signal: abort.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const until = async (isEnough: (text: string) => boolean): Promise<string> => {
    let chunk = await reader?.read();
    while (chunk && !chunk.done) {
      text += chunk.value;
      if (isEnough(text)) break;
      chunk = await reader?.read();
    }
    return text;
  };
  return {
    response,
    /** Resolves with the text so far, when it includes `expected`. */
    untilSent: (expected: string) => until((sent) => sent.includes(expected)),
    /** Resolves with the whole text, when the server has ended the response. */
    untilEnded: () => until(() => false),
    abort: () => abort.abort(),
  };
}

describe('an @Sse() method that returns service.observe()', () => {
  const redis = useRedis();

  async function start(options: NestApplicationOptions = {}) {
    const module = RedisPubSubModule.forRoot({ connection: redis.url });
    const { app } = await startHttpApp(
      { imports: [module], controllers: [Notifications] },
      options,
    );
    const url = await app.getUrl();
    return { app, open: (id: string) => request(`${url}/users/${id}/notifications`) };
  }

  it('sends each message as an event', async () => {
    const { open } = await start();
    const { response, untilSent } = await open('1');
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    await redis.subscribers('user.1.notifications', 1);
    await redis.client.publish('user.1.notifications', '{"title":"Hi","id":7,"data":{"a":1}}');
    await redis.client.publish('user.1.notifications', 'plain\ntext');
    const text = await untilSent('data: text\n\n');
    expect(text).toContain('data: {"title":"Hi","id":7,"data":{"a":1}}\n\n');
    expect(text).toContain('data: plain\ndata: text\n\n');
  });

  it('shares one Redis subscription among all requests, and ends it after the last one', async () => {
    const { open } = await start();
    const [one, two] = [await open('2'), await open('2')];
    await redis.subscribers('user.2.notifications', 1);
    await redis.client.publish('user.2.notifications', '{"n":1}');
    await Promise.all([one.untilSent('data: {"n":1}'), two.untilSent('data: {"n":1}')]);
    one.abort();
    await redis.client.publish('user.2.notifications', '{"n":2}');
    expect(await two.untilSent('data: {"n":2}')).toContain('data: {"n":2}\n\n');
    two.abort();
    await redis.subscribers('user.2.notifications', 0);
  });

  it('ends the response when the application closes', async () => {
    const { app, open } = await start({ forceCloseConnections: false });
    const { untilSent, untilEnded } = await open('3');
    await redis.subscribers('user.3.notifications', 1);
    await redis.client.publish('user.3.notifications', '{"n":1}');
    await untilSent('data: {"n":1}\n\n');
    const closed = app.close();
    expect(await untilEnded()).toContain('data: {"n":1}');
    // Otherwise the keep-alive connections of fetch delay the close by seconds.
    (app.getHttpServer() as Server).closeIdleConnections();
    await closed;
    await redis.subscribers('user.3.notifications', 0);
  });
});
