import { describe, expectTypeOf, it } from 'vitest';
import { ParseIntPipe } from '@nestjs/common';
import { ClientsModule, Payload, Transport } from '@nestjs/microservices';
import type { HealthIndicatorFunction, HealthIndicatorResult } from '@nestjs/terminus';
import { of, type Observable } from 'rxjs';
import { Redis } from 'ioredis';
import {
  Channel,
  ChannelParam,
  OnHashField,
  OnKey,
  OnKeyEvent,
  REDIS_PUBSUB,
  RedisPubSubModule,
  Subscribe,
  buildChannel,
  type Codec,
  type HandleTrace,
  type HandlerOptions,
  type KeyNotification,
  type PublishTrace,
  type PubSubErrorCode,
  type PubSubMessage,
  type PubSubReply,
  type PubSubSubscription,
  type RedisConnection,
  RedisPubSubClient,
  type RedisPubSubHealthIndicator,
  type RedisPubSubModuleOptions,
  type RedisPubSubServer,
  type RedisPubSubServerOptions,
  type RedisPubSubService,
  type RedisPubSubStatus,
  type TelemetryEvents,
} from 'nestjs-redis-pubsub';

declare const client: RedisPubSubClient;
declare const server: RedisPubSubServer;
declare const service: RedisPubSubService;
declare const health: RedisPubSubHealthIndicator;

describe('types', () => {
  it('emit yields the number of receivers, send what the caller expects', () => {
    expectTypeOf(client.emit('x', {})).toEqualTypeOf<Observable<number>>();
    expectTypeOf(client.send<string>('x', {})).toEqualTypeOf<Observable<string>>();
  });

  it('sendAll yields a value or an error of each responder', () => {
    const replies$ = client.sendAll<string>('x', {}, { timeout: 1, max: 1 });
    expectTypeOf(replies$).toEqualTypeOf<Observable<PubSubReply<string>>>();
    replies$.subscribe((reply) => {
      if ('value' in reply) expectTypeOf(reply.value).toEqualTypeOf<string>();
      else expectTypeOf(reply.error).toEqualTypeOf<unknown>();
    });
    // @ts-expect-error `timeOut` is no option
    client.sendAll('x', {}, { timeOut: 1 });
  });

  it('the handlers and observers of keys type their options', () => {
    OnKeyEvent('expired', 'a:*', { database: 1, order: 'key', concurrency: 1 });
    OnKey('a:*', { events: ['set'] });
    OnHashField('a:*', 'status', { events: ['hset'] });
    // @ts-expect-error the notifications of keys have no shard channels
    OnKeyEvent('expired', 'a:*', { sharded: true });
    // @ts-expect-error `channel` is the order of other handlers
    OnKey('a:*', { order: 'channel' });
    // @ts-expect-error an event is the first argument
    OnKeyEvent('expired', 'a:*', { events: ['expired'] });
    expectTypeOf(service.observeKeys('a:*', { field: 'b' })).toEqualTypeOf<
      Observable<KeyNotification>
    >();
    expectTypeOf(service.observeKeyEvent('expired')).toEqualTypeOf<Observable<KeyNotification>>();
    // @ts-expect-error a field belongs to observeKeys
    service.observeKeyEvent('expired', '*', { field: 'b' });
    expectTypeOf<RedisPubSubModuleOptions['notify']>().toEqualTypeOf<
      'check' | 'set' | 'ignore' | undefined
    >();
  });

  it('the service types messages by their data', () => {
    expectTypeOf(service.publish('x', 1)).toEqualTypeOf<Promise<number>>();
    // @ts-expect-error `xml` is no format
    void service.publish('x', 1, { format: 'xml' });
    expectTypeOf(service.observe<{ a: 1 }>('x')).toEqualTypeOf<
      Observable<PubSubMessage<{ a: 1 }>>
    >();
    expectTypeOf(service.subscribe<Date>('x', ({ data }) => data.getTime())).toEqualTypeOf<
      Promise<PubSubSubscription>
    >();
    expectTypeOf(service.subscriberCounts('a')).toEqualTypeOf<Promise<Record<string, number>>>();
    expectTypeOf(service.subscriberCounts(['a'] as const)).toEqualTypeOf<
      Promise<Record<string, number>>
    >();
  });

  it('the client fits customClass', () => {
    ClientsModule.register([{ name: 'EVENTS', customClass: RedisPubSubClient, options: {} }]);
    expectTypeOf(client.status).toEqualTypeOf<Observable<RedisPubSubStatus>>();
  });

  it('status and unwrap are those of this transport', () => {
    expectTypeOf(server.status).toEqualTypeOf<Observable<RedisPubSubStatus>>();
    expectTypeOf(server.unwrap()).toEqualTypeOf<[publisher: Redis, subscriber: Redis]>();
  });

  it('a connection is a URL, options or a client', () => {
    expectTypeOf<string>().toExtend<RedisConnection>();
    expectTypeOf<{ host: string; port: number }>().toExtend<RedisConnection>();
    expectTypeOf<Redis>().toExtend<RedisConnection>();
    expectTypeOf<number>().not.toExtend<RedisConnection>();
  });

  it('options have no unknown keys and no wrong values', () => {
    expectTypeOf<{ codec: 'envelope' | 'json' | Codec }>().toExtend<RedisPubSubModuleOptions>();
    expectTypeOf<{ codec: 'xml' }>().not.toExtend<RedisPubSubServerOptions>();
    expectTypeOf<{ order: 'global' }>().not.toExtend<HandlerOptions>();
    // @ts-expect-error `prefixx` is no option
    RedisPubSubModule.forRoot({ prefixx: 'a' });
  });

  it('forRootAsync types its factory', () => {
    RedisPubSubModule.forRootAsync({ isGlobal: true, useFactory: () => ({ prefix: 'a:' }) });
    // @ts-expect-error a prefix is text
    RedisPubSubModule.forRootAsync({ useFactory: () => ({ prefix: 1 }) });
  });

  it('codes and telemetry are closed sets', () => {
    expectTypeOf<'ERR_PUBSUB_TIMEOUT'>().toExtend<PubSubErrorCode>();
    expectTypeOf<string>().not.toExtend<PubSubErrorCode>();
    expectTypeOf<keyof TelemetryEvents>().toEqualTypeOf<
      | 'declare'
      | 'publish'
      | 'receive'
      | 'handle'
      | 'lost'
      | 'drop'
      | 'claim'
      | 'subscribe'
      | 'unsubscribe'
      | 'status'
      | 'starve'
      | 'overrun'
      | 'reconnect'
    >();
  });

  it('isHealthy returns what Terminus takes, and "degraded" only where it is asked for', () => {
    expectTypeOf(() => health.isHealthy()).toExtend<HealthIndicatorFunction>();
    expectTypeOf(health.isHealthy()).toExtend<HealthIndicatorResult<'redis-pubsub'>>();
    expectTypeOf(health.isHealthy('a', { degraded: true })).toExtend<HealthIndicatorResult<'a'>>();
    expectTypeOf(health.isHealthy()['redis-pubsub'].status).toEqualTypeOf<'up' | 'down'>();
    expectTypeOf(health.isHealthy('a', { grace: 1 }).a.status).toEqualTypeOf<'up' | 'down'>();
    expectTypeOf(health.isHealthy('a', { degraded: true }).a.status).toEqualTypeOf<
      'up' | 'down' | 'degraded'
    >();
    const degraded = Boolean(health);
    expectTypeOf(health.isHealthy('a', { degraded }).a.status).toEqualTypeOf<
      'up' | 'down' | 'degraded'
    >();
    // @ts-expect-error `graceMs` is no option
    health.isHealthy('a', { graceMs: 1 });
  });

  it('buildChannel takes text and numbers', () => {
    expectTypeOf(buildChannel('a.:id', { id: 1 })).toEqualTypeOf<string>();
    // @ts-expect-error an object is no segment
    buildChannel('a.:id', { id: {} });
  });

  it('the parameter decorators take what Nest’s own take: pipes, and options with a schema', () => {
    class Handlers {
      on(
        @ChannelParam('id', ParseIntPipe) id: number,
        @ChannelParam('name', { pipes: [new ParseIntPipe()] }) name: number,
        @Channel() channel: string,
      ) {
        return [id, name, channel];
      }
    }
    expectTypeOf<Handlers['on']>().returns.toEqualTypeOf<(string | number)[]>();
  });

  it('Subscribe takes methods of every form, and options without unknown names', () => {
    class Handlers {
      @Subscribe('user.:id')
      none() {}

      @Subscribe(['user.created', 'user.renamed'] as const, { concurrency: 1, order: 'channel' })
      async one(@Payload() user: { name: string }): Promise<string> {
        return user.name;
      }

      @Subscribe('user.:id', { transportId: REDIS_PUBSUB })
      @Subscribe('user.:id', { transportId: Transport.REDIS, sharded: false })
      two(@ChannelParam('id') id: string, @Payload() user: { name: string }): Observable<string> {
        return of(id, user.name);
      }

      // @ts-expect-error `concurency` is no option
      @Subscribe('user.:id', { concurency: 1 })
      three(_id: string, _user: { name: string }, _channel: number): number {
        return 3;
      }

      // @ts-expect-error `global` is no order
      @Subscribe('user.:id', { order: 'global' })
      // @ts-expect-error a pattern is text
      @Subscribe({ cmd: 'x' })
      protected four() {}
    }
    expectTypeOf<Handlers['one']>().returns.toEqualTypeOf<Promise<string>>();
  });

  it('each event of telemetry names its transport, and an error is an Error', () => {
    type Events = TelemetryEvents[keyof TelemetryEvents];
    expectTypeOf<Events['transport']>().toEqualTypeOf<string>();
    type Failed = Extract<Events, { readonly error?: unknown }>;
    expectTypeOf<Failed['error']>().toEqualTypeOf<Error | undefined>();
    expectTypeOf<(HandleTrace | PublishTrace)['error']>().toEqualTypeOf<Error | undefined>();
  });
});
