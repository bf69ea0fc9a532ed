import { Controller, Inject, Sse, type MessageEvent } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import {
  RedisPubSubModule,
  RedisPubSubService,
  type ObserveEventsOptions,
  type PubSubFollowed,
  type PubSubRecovery,
} from 'nestjs-redis-pubsub';
import type { Observable } from 'rxjs';
import { closeAfterTest } from '../../support/app.js';
import { openStream, type EventStreamText } from '../../support/event-stream.js';
import { Gate } from '../../support/gate.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startHttpApp } from '../module/apps.js';
import { startService, type ServiceApp } from '../module/service-app.js';

const history = { 'news.*': { size: 3, ttl: 60_000 } };

function events({ service }: ServiceApp, channel: string, options?: ObserveEventsOptions) {
  const found: MessageEvent[] = [];
  const subscription = service.observeEvents(channel, options).subscribe((it) => found.push(it));
  closeAfterTest(async () => subscription.unsubscribe());
  return { found, subscription };
}

@Controller()
class Streams {
  constructor(@Inject(RedisPubSubService) private readonly pubsub: RedisPubSubService) {}

  @Sse('first')
  first(): Observable<MessageEvent> {
    return this.pubsub.observeEvents('news.sse');
  }

  @Sse('numbered')
  numbered(): Observable<MessageEvent> {
    return this.pubsub.observeEvents('news.sse', { lastEventId: '1' });
  }
}

/** The events of a stream, as a browser's EventSource reads them. */
function eventsIn({ text }: EventStreamText) {
  return text
    .split('\n\n')
    .slice(0, -1)
    .map((event) => {
      const fields = event.split(/\r\n|\r|\n/).map((line) => /^([^:]*):? ?(.*)$/s.exec(line) ?? []);
      const valuesOf = (name: string) => fields.filter((it) => it[1] === name).map((it) => it[2]);
      return {
        type: valuesOf('event')[0],
        id: valuesOf('id')[0],
        data: valuesOf('data').join('\n'),
      };
    })
    .filter(({ id }) => id !== undefined);
}

const failingLoad = (): never => {
  throw new Error('no database');
};

describe('streams that can be resumed', () => {
  const redis = useRedis();
  const start = (): Promise<ServiceApp> => startService(redis, { history });

  it('are server-sent events that go on at the last one, at any process', async () => {
    const [one, other] = [await start(), await start()];
    const first = events(one, 'news.a');
    await eventually(() => first.found.length === 1);
    for (const data of [{ n: 1 }, 'two', 3]) await one.service.publish('news.a', data);
    await eventually(() => first.found.length === 4);
    expect(first.found.map(({ type, data }) => [type, data])).toEqual([
      ['resync', {}],
      [undefined, { n: 1 }],
      [undefined, 'two'],
      [undefined, '3'],
    ]);
    const lastEventId = first.found[1]?.id;
    const second = events(other, 'news.a', { lastEventId });
    await eventually(() => second.found.length === 2);
    expect(second.found).toEqual(first.found.slice(2));
    await one.service.publish('news.a', 4);
    await eventually(() => second.found.length === 3);
    const lost = events(other, 'news.a', { lastEventId });
    await eventually(() => lost.found.length === 1);
    expect(lost.found).toEqual([{ type: 'resync', data: {}, id: expect.any(String) as string }]);
  });

  it('tell when Redis has acknowledged the subscription, recovered or not', async () => {
    const app = await start();
    const outcomes: PubSubRecovery[] = [];
    const onSubscribed = (outcome: PubSubRecovery) => void outcomes.push(outcome);
    const first = events(app, 'news.d', { onSubscribed });
    await eventually(() => outcomes.length === 1);
    for (const data of [1, 2]) await app.service.publish('news.d', data);
    await eventually(() => first.found.length === 3);
    const [resync, one, two] = first.found;
    const second = events(app, 'news.d', { lastEventId: one?.id, onSubscribed });
    await eventually(() => second.found.length === 1);
    expect(second.found).toEqual([two]);
    expect(outcomes).toEqual([
      { recovered: false, position: resync?.id },
      { recovered: true, position: one?.id },
    ]);
  });

  it('are a state, and what came since, and the state again when messages are lost', async () => {
    const [publisher, follower] = [await start(), await start()];
    const gate = new Gate();
    const found: PubSubFollowed<string>[] = [];
    let loads = 0;
    const load = async (): Promise<string> => {
      const number = ++loads;
      if (number === 1) await gate.opened;
      return `state ${number}`;
    };
    const subscription = follower.service.follow('news.b', load).subscribe((it) => found.push(it));
    closeAfterTest(async () => subscription.unsubscribe());
    await eventually(() => loads === 1);
    // The follower holds it while it loads. Another observer of the same subscription shows that it has arrived.
    const arrived: unknown[] = [];
    await follower.service.subscribe('news.b', ({ data }) => arrived.push(data));
    await publisher.service.publish('news.b', 1);
    await eventually(() => arrived.length === 1);
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await publisher.service.publish('news.b', 2);
    await eventually(() => follower.service.status === 'connected');
    gate.open();
    await eventually(() => found.length === 3);
    const told = found.map((it) => ('state' in it ? it.state : it.message.data));
    expect(told).toEqual(['state 1', 1, 2]);
  });

  it('reach a browser with the same data, and no text of a message becomes a field', async () => {
    const { app } = await startHttpApp({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url, history })],
      controllers: [Streams],
    });
    const service = app.get(RedisPubSubService);
    const stream = await openStream(`${await app.getUrl()}/first`);
    await eventually(() => eventsIn(stream).length === 1);
    const text = 'a\r\nid: 7\revent: resync\n\nb';
    for (const data of [{ text }, text]) await service.publish('news.sse', data);
    await eventually(() => eventsIn(stream).length === 3);
    const [resync, object, bare] = eventsIn(stream);
    // Nest has numbered the event without a position.
    expect(resync).toEqual({ type: 'resync', id: '1', data: '{}' });
    expect(JSON.parse(object?.data ?? '')).toEqual({ text });
    expect(bare?.data).toBe('a\nid: 7\nevent: resync\n\nb');
    for (const it of [object, bare]) {
      expect(it?.type).toBeUndefined();
      expect(it?.id).toMatch(/^[^\s@]+@[^\s@]+$/);
    }
    // A browser sends that number back: it is no position.
    const next = await openStream(`${await app.getUrl()}/numbered`);
    await eventually(() => eventsIn(next).length === 1);
    expect(eventsIn(next)).toEqual([{ type: 'resync', id: bare?.id, data: '{}' }]);
  });

  it('fail with the error of a load', async () => {
    const { service } = await start();
    let failure: unknown;
    service
      .follow('news.c', failingLoad)
      .subscribe({ error: (error: unknown) => (failure = error) });
    await eventually(() => failure !== undefined);
    expect(String(failure)).toContain('no database');
  });

  it('refuse wrong channels and options at the call', async () => {
    const { service } = await start();
    expect(() => service.observeEvents('')).toThrow('empty string');
    expect(() => service.observeEvents('a', { lastEventId: 7 as never })).toThrow('"since"');
    expect(() => service.observeEvents('a', { onSubscribed: 7 as never })).toThrow(
      '"onSubscribed"',
    );
    expect(() => service.follow('a', undefined as never)).toThrow('"load"');
  });
});
