import { Injectable } from '@nestjs/common';
import { MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api';
import { AlwaysOffSampler, type ReadableSpan } from '@opentelemetry/sdk-trace-node';
import {
  RedisPubSubClient,
  RedisPubSubRecordBuilder,
  RedisPubSubServer,
  RedisPubSubService,
  Subscribe,
} from 'nestjs-redis-pubsub';
import { traced, tracePubSub } from 'nestjs-redis-pubsub/otel';
import { firstValueFrom, from, lastValueFrom, toArray, type Observable } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { closeAfterTest, createClient } from '../../support/app.js';
import { Gate } from '../../support/gate.js';
import { treesOf } from '../../support/open-telemetry.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startTelemetry, startTraced, startTracedHttp } from './apps.js';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const named = (spans: readonly ReadableSpan[], name: string): ReadableSpan[] =>
  spans.filter((span) => span.name === name);

const activeId = (): string | undefined => trace.getActiveSpan()?.spanContext().spanId;

/** The ids of the spans that were active in handlers, at their begin and after they have waited. */
const active: (string | undefined)[] = [];
const gate = { current: new Gate() };

@Injectable()
class Handlers {
  constructor(
    private readonly client: RedisPubSubClient,
    private readonly pubsub: RedisPubSubService,
  ) {}

  @Subscribe('order.:event')
  onOrder() {}

  @Subscribe('waits.:id')
  async onWaiting() {
    active.push(activeId());
    await gate.current.opened;
    active.push(activeId());
    trace.getTracer('test').startSpan('own').end();
    await firstValueFrom(this.client.emit('order.waited', 1));
  }

  @Subscribe('one.:id', { concurrency: 1 })
  async onOne() {
    active.push(activeId());
    await gate.current.opened;
    active.push(activeId());
  }

  @Subscribe('ordered.:id', { order: 'channel' })
  async onOrdered() {
    active.push(activeId());
    await gate.current.opened;
    active.push(activeId());
  }

  @Subscribe('fails')
  onFailing() {
    throw new TypeError('cannot handle this');
  }

  @MessagePattern<string>('refuses')
  onRefused() {
    throw new RpcException('not yours');
  }

  @MessagePattern<string>('count.:to')
  count(@Payload() to: number) {
    return from(Array.from({ length: to }, (_, i) => i + 1));
  }

  @Subscribe('observes')
  async onObserves() {
    await this.pubsub.subscribe('inside', () => active.push(activeId()));
    active.push('subscribed');
  }
}

const startObserving = async (
  options: Parameters<typeof startTraced>[1],
  subscribe: (pubsub: RedisPubSubService) => unknown,
) => {
  const { app, client } = await startTraced(undefined, options);
  await subscribe(app.get(RedisPubSubService));
  return (channel: string) => lastValueFrom(client.emit(channel, 1));
};

describe('tracing with OpenTelemetry', () => {
  const redis = useRedis();

  beforeEach(() => {
    active.length = 0;
    gate.current = new Gate();
  });

  const options = () => ({ connection: redis.url });

  it('has one trace from an HTTP request through emit to the handlers of two applications', async () => {
    const telemetry = startTelemetry();
    const request = await startTracedHttp(options(), (it) => it.emit('order.created', { id: 1 }));
    await startTraced(Handlers, options());
    await startTraced(Handlers, options());
    expect(await request()).toBe(2);
    const spans = await telemetry.spans(4);
    const process = { name: 'process order.:event', children: [] };
    expect(treesOf(spans)).toEqual([
      { name: 'HTTP POST', children: [{ name: 'publish', children: [process, process] }] },
    ]);
    expect(new Set(spans.map((span) => span.spanContext().traceId)).size).toBe(1);
  });

  it('names attributes and kinds as the messaging conventions do', async () => {
    const telemetry = startTelemetry();
    const { client } = await startTraced(Handlers, { ...options(), prefix: 'shop:' });
    await lastValueFrom(client.emit('order.created', 1));
    const spans = await telemetry.spans(2);
    const [published] = named(spans, 'publish');
    expect(published?.kind).toBe(SpanKind.PRODUCER);
    expect(published?.attributes).toEqual({
      'messaging.system': 'redis',
      'messaging.operation.name': 'publish',
      'messaging.operation.type': 'send',
      'messaging.destination.name': 'shop:order.created',
      'messaging.message.id': expect.stringMatching(/^[\w-]{8}\.1-1$/) as string,
    });
    const [processed] = named(spans, 'process order.:event');
    expect(processed?.kind).toBe(SpanKind.CONSUMER);
    expect(processed?.attributes).toEqual({
      'messaging.system': 'redis',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'shop:order.created',
      'messaging.destination.template': 'order.:event',
      'messaging.message.id': published?.attributes['messaging.message.id'],
    });
    expect(spans.map(({ status }) => status.code)).toEqual([
      SpanStatusCode.UNSET,
      SpanStatusCode.UNSET,
    ]);
  });

  it('has one trace from an HTTP request through send to a handler that streams replies', async () => {
    const telemetry = startTelemetry();
    const request = await startTracedHttp(options(), (it) => it.send('count.x', 3).pipe(toArray()));
    await startTraced(Handlers, options());
    expect(await request()).toEqual([1, 2, 3]);
    const spans = await telemetry.spans(3);
    expect(treesOf(spans)).toEqual([
      {
        name: 'HTTP POST',
        children: [{ name: 'publish', children: [{ name: 'process count.:to', children: [] }] }],
      },
    ]);
    const ids = spans.map((span) => span.attributes['messaging.message.conversation_id']);
    const id = ids.find((it) => it !== undefined);
    expect(id).toMatch(/^_pubsub\.inbox\..+\.1$/);
    expect(ids.toSorted()).toEqual([id, id, undefined]);
  });

  it('has one trace from an HTTP request through sendAll to all responders', async () => {
    const telemetry = startTelemetry();
    const request = await startTracedHttp(options(), (it) =>
      it.sendAll('count.x', 2, { max: 2 }).pipe(toArray()),
    );
    await startTraced(Handlers, options());
    await startTraced(Handlers, options());
    expect(await request()).toHaveLength(4);
    const process = { name: 'process count.:to', children: [] };
    expect(treesOf(await telemetry.spans(4))).toEqual([
      { name: 'HTTP POST', children: [{ name: 'publish', children: [process, process] }] },
    ]);
  });

  it('shows a handler its span, to its end, and what the handler does is below it', async () => {
    const telemetry = startTelemetry();
    const { client } = await startTraced(Handlers, options());
    await lastValueFrom(client.emit('waits.1', 1));
    await eventually(() => active.length === 1);
    expect(named(telemetry.exporter.getFinishedSpans(), 'process waits.:id')).toEqual([]);
    gate.current.open();
    const spans = await telemetry.spans(5);
    const [process] = named(spans, 'process waits.:id');
    const id = process?.spanContext().spanId;
    expect(active).toEqual([id, id]);
    expect(treesOf(spans)).toEqual([
      {
        name: 'publish',
        children: [
          {
            name: 'process waits.:id',
            children: [
              { name: 'own', children: [] },
              { name: 'publish', children: [{ name: 'process order.:event', children: [] }] },
            ],
          },
        ],
      },
    ]);
  });

  it.each(['one', 'ordered'])(
    'shows each message of the queue "%s" the span of its own trace',
    async (queue) => {
      const telemetry = startTelemetry();
      const { client } = await startTraced(Handlers, options());
      for (let i = 0; i < 3; i++) await lastValueFrom(client.emit(`${queue}.1`, i));
      await eventually(() => active.length === 1);
      gate.current.open();
      const spans = await telemetry.spans(6);
      const processed = named(spans, `process ${queue}.:id`);
      const ids = processed.map((span) => span.spanContext().spanId);
      expect(active).toEqual(ids.flatMap((id) => [id, id]));
      expect(new Set(processed.map((span) => span.spanContext().traceId)).size).toBe(3);
    },
  );

  it('leaves the span of the caller in place', async () => {
    const telemetry = startTelemetry();
    const { client } = await startTraced(undefined, options());
    const seen = await trace.getTracer('test').startActiveSpan('caller', async (span) => {
      const published = lastValueFrom(client.emit('order.created', 1));
      const now = activeId();
      await published;
      span.end();
      return [now, activeId(), span.spanContext().spanId];
    });
    expect(new Set(seen).size).toBe(1);
    expect(treesOf(await telemetry.spans(2))).toEqual([
      { name: 'caller', children: [{ name: 'publish', children: [] }] },
    ]);
  });

  it('gives an observer that a handler has opened no span of that handler', async () => {
    const telemetry = startTelemetry();
    const { client } = await startTraced(Handlers, options());
    await lastValueFrom(client.emit('observes', 1));
    await eventually(() => active.length === 1);
    await lastValueFrom(client.emit('inside', 1));
    await eventually(() => active.length === 2);
    const [processed] = named(await telemetry.spans(3), 'process observes');
    expect(processed?.attributes['messaging.destination.name']).toBe('observes');
    expect(processed?.status.code).toBe(SpanStatusCode.UNSET);
  });

  it('links the span of a handler to that of its publisher, in a trace of its own', async () => {
    const telemetry = startTelemetry();
    const { client } = await startTraced(Handlers, options(), { relation: 'link' });
    await lastValueFrom(client.emit('order.created', 1));
    const spans = await telemetry.spans(2);
    const [published] = named(spans, 'publish');
    const [processed] = named(spans, 'process order.:event');
    expect(processed?.parentSpanContext).toBeUndefined();
    expect(processed?.spanContext().traceId).not.toBe(published?.spanContext().traceId);
    expect(processed?.links.map((link) => link.context.spanId)).toEqual([
      published?.spanContext().spanId,
    ]);
  });

  it.each(['parent', 'link'] as const)(
    'begins a trace at a message without a context, with the relation "%s"',
    async (relation) => {
      const telemetry = startTelemetry();
      await startTraced(Handlers, options(), { relation });
      await redis.client.publish('order.paid', '{"id":"1"}');
      const [span] = await telemetry.spans(1);
      expect(span?.name).toBe('process order.:event');
      expect(span?.parentSpanContext).toBeUndefined();
      expect(span?.links).toEqual([]);
    },
  );

  it('goes on with the trace of a publisher that does not use this package', async () => {
    const telemetry = startTelemetry();
    await startTraced(Handlers, options());
    const packet = { pattern: 'order.paid', data: 1, metadata: { traceparent: TRACEPARENT } };
    await redis.client.publish('order.paid', JSON.stringify(packet));
    const [span] = await telemetry.spans(1);
    expect(span?.spanContext().traceId).toBe('0af7651916cd43dd8448eb211c80319c');
    expect(span?.parentSpanContext?.spanId).toBe('b7ad6b7169203331');
  });

  it('adds the headers that are named, and no others, to both spans', async () => {
    const telemetry = startTelemetry();
    const tracing = { captureHeaders: ['tenant', 'absent', 'toString'] };
    const { client } = await startTraced(Handlers, options(), tracing);
    const headers = { tenant: 'acme', token: 'secret' };
    await lastValueFrom(
      client.emit('order.created', new RedisPubSubRecordBuilder(1).setHeaders(headers).build()),
    );
    const spans = await telemetry.spans(2);
    for (const { attributes } of spans) {
      expect(attributes).toMatchObject({ 'messaging.header.tenant': 'acme' });
      expect(Object.keys(attributes).filter((it) => it.startsWith('messaging.header'))).toEqual([
        'messaging.header.tenant',
      ]);
      expect(JSON.stringify(attributes)).not.toContain('secret');
    }
  });

  it('keeps what other dispatch hooks add, before it and after it', async () => {
    const telemetry = startTelemetry();
    const seen: unknown[] = [];
    const { app, client } = await startTraced(undefined, options());
    client.setOnDispatchHook((packet) => Object.assign(packet, { metadata: { outer: '1' } }));
    await app
      .get(RedisPubSubService)
      .subscribe('order.created', ({ headers }) => seen.push(headers));
    await lastValueFrom(client.emit('order.created', 1));
    await eventually(() => seen.length === 1);
    const [span] = await telemetry.spans(1);
    expect(seen).toEqual([{ outer: '1', traceparent: expect.stringContaining('-') as string }]);
    expect(span?.attributes['messaging.destination.name']).toBe('order.created');
  });

  it('goes on around the hooks of others, also if these wait', async () => {
    const telemetry = startTelemetry();
    @Injectable()
    class Hooks {
      constructor(server: RedisPubSubServer) {
        server.setOnProcessingStartHook((_transport, _message, done): unknown => {
          active.push(activeId());
          return gate.current.opened.then(done);
        });
      }
    }
    const { client } = await startTraced(Handlers, options(), {}, [Hooks]);
    await lastValueFrom(client.emit('order.created', 1));
    await eventually(() => active.length === 1);
    gate.current.open();
    const [processed] = named(await telemetry.spans(2), 'process order.:event');
    expect(active).toEqual([processed?.spanContext().spanId]);
    expect(processed?.attributes['messaging.destination.name']).toBe('order.created');
    expect(processed?.status.code).toBe(SpanStatusCode.UNSET);
  });

  it('marks the span of a message that the hook of another leaves out', async () => {
    const telemetry = startTelemetry();
    @Injectable()
    class Hooks {
      constructor(server: RedisPubSubServer) {
        server.setOnProcessingStartHook(() => {});
      }
    }
    const { client } = await startTraced(Handlers, options(), {}, [Hooks]);
    await lastValueFrom(client.emit('order.created', 1));
    const [processed] = named(await telemetry.spans(2), 'process order.:event');
    expect(processed?.status.code).toBe(SpanStatusCode.ERROR);
    expect(processed?.attributes['error.type']).toBe('unhandled');
  });

  it.each<
    [string, string, (client: RedisPubSubClient, pubsub: RedisPubSubService) => Promise<unknown>]
  >([
    ['cannot be encoded', 'PAYLOAD', (it) => lastValueFrom(it.emit('a', { map: new Map() }))],
    ['has a channel that is not valid', 'INVALID_CHANNEL', (it) => lastValueFrom(it.emit('', 1))],
    ['is a request to no channel', 'INVALID_CHANNEL', (it) => lastValueFrom(it.send('', 1))],
    [
      'is a request that cannot be encoded',
      'PAYLOAD',
      (it) => lastValueFrom(it.send('a', new Map())),
    ],
    [
      'is a request to all that cannot be encoded',
      'PAYLOAD',
      (it) => lastValueFrom(it.sendAll('a', new Map())),
    ],
    ['the service cannot publish', 'PAYLOAD', (_, it) => it.publish('a', new Map())],
  ])('ends the span of a message that %s', async (_, name, publish) => {
    const telemetry = startTelemetry();
    const { app, client } = await startTraced(undefined, options());
    const pubsub = app.get(RedisPubSubService);
    const code = `ERR_PUBSUB_${name}`;
    await expect(publish(client, pubsub)).rejects.toMatchObject({ code });
    const [span] = await telemetry.spans(1);
    expect(span?.status.code).toBe(SpanStatusCode.ERROR);
    expect(span?.attributes['error.type']).toBe(code);
    expect(span?.events.map((it) => it.attributes?.['exception.type'])).toEqual([code]);
  });

  it.each<[string, (client: RedisPubSubClient) => Observable<unknown>]>([
    ['an event', (client) => client.emit('a', 1)],
    ['a request', (client) => client.send('a', 1)],
    ['a request to all', (client) => client.sendAll('a', 1)],
  ])('has a span of %s that finds no Redis, below that of the caller', async (_, publish) => {
    const telemetry = startTelemetry();
    const client = createClient({ connection: 'redis://127.0.0.1:1' });
    closeAfterTest(async () => stop());
    const stop = tracePubSub(client);
    const failed = trace.getTracer('test').startActiveSpan('caller', async (span) => {
      const error: unknown = await lastValueFrom(publish(client)).catch((it: unknown) => it);
      span.end();
      return error;
    });
    expect(await failed).toMatchObject({ code: 'ERR_PUBSUB_CONNECTION' });
    const spans = await telemetry.spans(2);
    expect(treesOf(spans)).toEqual([
      { name: 'caller', children: [{ name: 'publish', children: [] }] },
    ]);
    const [published] = named(spans, 'publish');
    expect(published?.attributes).toMatchObject({
      'messaging.destination.name': 'a',
      'error.type': 'ERR_PUBSUB_CONNECTION',
    });
  });

  it.each<[string, (client: RedisPubSubClient) => Observable<unknown>]>([
    ['request', (client) => client.send('a', 1)],
    ['request to all', (client) => client.sendAll('a', 1)],
  ])('has a span of a %s that its caller cancels before it is sent', async (_, send) => {
    const telemetry = startTelemetry();
    const { client } = await startTraced(undefined, options());
    // The first request waits for its inbox.
    send(client).subscribe().unsubscribe();
    const [span] = await telemetry.spans(1);
    expect(span?.attributes['error.type']).toBe('AbortError');
  });

  it('has the type "unsent" where another dispatch hook fails the message', async () => {
    const telemetry = startTelemetry();
    @Injectable()
    class Hooks {
      constructor(client: RedisPubSubClient) {
        client.setOnDispatchHook(() => {
          throw new Error('not this one');
        });
      }
    }
    const { client } = await startTraced(undefined, options(), {}, [Hooks]);
    await expect(lastValueFrom(client.emit('a', 1))).rejects.toThrow('not this one');
    const [span] = await telemetry.spans(1);
    expect(span?.attributes['error.type']).toBe('unsent');
  });

  it('waits with the span of a first request until its inbox is open', async () => {
    const telemetry = startTelemetry();
    const { client } = await startTraced(Handlers, options());
    expect(await lastValueFrom(client.send('count.x', 1))).toBe(1);
    expect(await lastValueFrom(client.send('count.x', 1))).toBe(1);
    const published = named(await telemetry.spans(4), 'publish');
    expect(published.map(({ status }) => status.code)).toEqual([0, 0]);
  });

  it('traces what the service publishes', async () => {
    const telemetry = startTelemetry();
    const { app } = await startTraced(Handlers, options());
    await app.get(RedisPubSubService).publish('order.created', 1);
    expect(treesOf(await telemetry.spans(2))).toEqual([
      { name: 'publish', children: [{ name: 'process order.:event', children: [] }] },
    ]);
  });

  it('traces an event of bare data, whose handlers begin traces of their own', async () => {
    const telemetry = startTelemetry();
    const { client } = await startTraced(Handlers, { ...options(), codec: 'json' });
    await lastValueFrom(client.emit('order.created', 1));
    expect(
      treesOf(await telemetry.spans(2))
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(['process order.:event', 'publish']);
  });

  it('marks the span of a handler that fails, and no other', async () => {
    const telemetry = startTelemetry();
    const { client } = await startTraced(Handlers, options());
    await lastValueFrom(client.emit('fails', 1));
    const spans = await telemetry.spans(2);
    const failed = spans.filter(({ status }) => status.code === SpanStatusCode.ERROR);
    expect(failed.map(({ name }) => name)).toEqual(['process fails']);
    expect(failed[0]?.attributes['error.type']).toBe('TypeError');
    expect(failed[0]?.events.map(({ attributes }) => attributes)).toMatchObject([
      { 'exception.message': 'cannot handle this' },
    ]);
  });

  it('does not mark what a handler tells its caller on purpose', async () => {
    const telemetry = startTelemetry();
    const { client } = await startTraced(Handlers, options());
    await expect(lastValueFrom(client.send('refuses', 1))).rejects.toMatchObject({
      message: 'not yours',
    });
    const [processed] = named(await telemetry.spans(2), 'process refuses');
    expect(processed?.status.code).toBe(SpanStatusCode.UNSET);
    expect(processed?.attributes).not.toHaveProperty('error.type');
    expect(processed?.events).toEqual([]);
  });

  it.each([
    ['what classifyError says', () => 'expected', 'expected'],
    ['no error, where classifyError says so', () => undefined, undefined],
    [
      'the default, where classifyError throws',
      () => {
        throw new Error('no class');
      },
      'TypeError',
    ],
  ])('has for a failure %s', async (_, classifyError, type) => {
    const telemetry = startTelemetry();
    const { client } = await startTraced(Handlers, options(), { classifyError });
    await lastValueFrom(client.emit('fails', 1));
    const [processed] = named(await telemetry.spans(2), 'process fails');
    expect(processed?.attributes['error.type']).toBe(type);
  });

  it('passes on the decision of a sampler, and records nothing', async () => {
    const telemetry = startTelemetry(new AlwaysOffSampler());
    const seen: string[] = [];
    const { app, client } = await startTraced(Handlers, options());
    await app
      .get(RedisPubSubService)
      .subscribe('order.created', ({ headers }) => seen.push(headers.traceparent ?? ''));
    await lastValueFrom(client.emit('order.created', 1));
    await eventually(() => seen.length === 1);
    expect(seen[0]).toMatch(new RegExp(`-0${TraceFlags.NONE}$`));
    expect(telemetry.exporter.getFinishedSpans()).toEqual([]);
  });

  describe('traced', () => {
    it('runs a handler of subscribe in a span below that of the publisher', async () => {
      const telemetry = startTelemetry();
      const emit = await startObserving({ ...options(), prefix: 'shop:' }, (pubsub) =>
        pubsub.subscribe(
          'user.1',
          traced(
            async () => {
              active.push(activeId());
              await gate.current.opened;
              active.push(activeId());
            },
            { template: 'user.:id' },
          ),
        ),
      );
      await emit('user.1');
      await eventually(() => active.length === 1);
      gate.current.open();
      const spans = await telemetry.spans(2);
      expect(treesOf(spans)).toEqual([
        { name: 'publish', children: [{ name: 'process user.:id', children: [] }] },
      ]);
      const [processed] = named(spans, 'process user.:id');
      const id = processed?.spanContext().spanId;
      expect(active).toEqual([id, id]);
      expect(processed?.attributes).toMatchObject({
        'messaging.destination.name': 'shop:user.1',
        'messaging.destination.template': 'user.:id',
        'messaging.message.id': named(spans, 'publish')[0]?.attributes['messaging.message.id'],
      });
      expect(processed?.attributes['messaging.message.id']).toMatch(/^[\w-]{8}\.1-1$/);
    });

    it('has no channel in the name of a span without a template', async () => {
      const telemetry = startTelemetry();
      const emit = await startObserving(options(), (pubsub) => {
        const isSubscribed = new Gate();
        const onSubscribed = (): void => isSubscribed.open();
        pubsub.observe('user.1', { onSubscribed }).subscribe(traced(() => active.push(activeId())));
        return isSubscribed.opened;
      });
      await emit('user.1');
      const [processed] = named(await telemetry.spans(2), 'process');
      expect(active).toEqual([processed?.spanContext().spanId]);
      expect(processed?.attributes).not.toHaveProperty('messaging.destination.template');
    });

    it.each([
      [
        'throws',
        () => {
          throw new RangeError('out');
        },
      ],
      ['rejects', () => Promise.reject(new RangeError('out'))],
    ])('marks the span of a handler that %s, whose error stays as it is', async (_, fail) => {
      const telemetry = startTelemetry();
      const outcomes: unknown[] = [];
      const emit = await startObserving(options(), (pubsub) =>
        pubsub.subscribe('user.1', async (message) => {
          try {
            await traced(fail as () => unknown)(message);
          } catch (error) {
            outcomes.push(error);
          }
        }),
      );
      await emit('user.1');
      const [processed] = named(await telemetry.spans(2), 'process');
      await eventually(() => outcomes.length === 1);
      expect(outcomes).toEqual([new RangeError('out')]);
      expect(processed?.status.code).toBe(SpanStatusCode.ERROR);
      expect(processed?.attributes['error.type']).toBe('RangeError');
    });
  });
});
