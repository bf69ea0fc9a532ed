import { Injectable } from '@nestjs/common';
import { ClientsModule } from '@nestjs/microservices';
import { metrics } from '@opentelemetry/api';
import {
  InvalidOptionError,
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubServer,
  RedisPubSubService,
  Subscribe,
} from 'nestjs-redis-pubsub';
import { PubSubTracingModule, traced, tracePubSub } from 'nestjs-redis-pubsub/otel';
import { channel } from 'node:diagnostics_channel';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { closeAfterTest, createClient, startService } from '../../support/app.js';
import { recordMetrics, treesOf } from '../../support/open-telemetry.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startContext } from '../module/apps.js';
import { startTelemetry, startTraced } from './apps.js';

@Injectable()
class Handlers {
  @Subscribe('order.:event')
  onOrder() {}
}

const hasListeners = (): boolean =>
  ['publish:start', 'publish:asyncEnd', 'handle:start', 'handle:end'].some(
    (name) => channel(`tracing:nestjs-redis-pubsub:${name}`).hasSubscribers,
  );

function handler(): void {}

describe('the set-up of tracing', () => {
  const redis = useRedis();

  const options = () => ({ connection: redis.url });

  it('does nothing without an SDK, and says so', async () => {
    const seen: unknown[] = [];
    const { app, log, client } = await startTraced(Handlers, options());
    expect(log.of('log')).toContainEqual(
      expect.stringMatching(/^Messages are not traced: no SDK of OpenTelemetry is registered/),
    );
    await app.get(RedisPubSubService).subscribe('order.a', ({ headers }) => seen.push(headers));
    await firstValueFrom(client.emit('order.a', 1));
    await eventually(() => seen.length === 1);
    expect(seen).toEqual([{}]);
    expect(hasListeners()).toBe(false);
    expect(traced(handler)).toBe(handler);
  });

  it('does nothing more when the application has closed', async () => {
    startTelemetry();
    const { app } = await startTraced(Handlers, options());
    expect(hasListeners()).toBe(true);
    await app.close();
    expect(hasListeners()).toBe(false);
  });

  it('traces the clients and servers of several modules, and the clients of ClientsModule', async () => {
    const telemetry = startTelemetry();
    const transportId = Symbol('other');
    const { app, log } = await startContext({
      imports: [
        RedisPubSubModule.forRoot({ ...options(), name: 'one' }),
        {
          module: class Other {},
          imports: [
            RedisPubSubModule.forRoot({
              ...options(),
              name: 'other',
              transportId,
              handlers: false,
            }),
          ],
        },
        ClientsModule.register([
          { name: 'CLIENT', customClass: RedisPubSubClient, options: options() },
        ]),
        PubSubTracingModule.forRoot(),
      ],
      providers: [Handlers],
    });
    await firstValueFrom(app.get<RedisPubSubClient>('CLIENT').emit('order.a', 1));
    await telemetry.spans(2);
    const clients = app.get(RedisPubSubClient, { strict: false, each: true });
    for (const client of clients) await firstValueFrom(client.emit('order.b', 1));
    const spans = await telemetry.spans(2 + 2 * clients.length);
    const trees = treesOf(spans);
    expect(clients.length).toBeGreaterThan(1);
    expect(trees).toEqual(
      trees.map(() => ({
        name: 'publish',
        children: [{ name: 'process order.:event', children: [] }],
      })),
    );
    expect(log.of('warn')).toEqual([]);
  });

  it('traces a server and a client that no module provides, until it is stopped', async () => {
    const telemetry = startTelemetry();
    const seen: string[] = [];
    class Controller {
      @Subscribe('order.:event')
      onOrder() {
        seen.push('order');
      }
    }
    Reflect.defineMetadata('__controller__', true, Controller);
    const { server } = await startService(
      { module: class {}, controllers: [Controller] },
      options(),
    );
    const client = createClient(options());
    const stops = [tracePubSub(server), tracePubSub(client)];
    await firstValueFrom(client.emit('order.a', 1));
    expect(treesOf(await telemetry.spans(2))).toEqual([
      { name: 'publish', children: [{ name: 'process order.:event', children: [] }] },
    ]);
    for (const stop of stops) stop();
    await firstValueFrom(client.emit('order.b', 1));
    await eventually(() => seen.length === 2);
    expect(telemetry.exporter.getFinishedSpans()).toHaveLength(2);
    expect(hasListeners()).toBe(false);
    closeAfterTest(async () => tracePubSub(client)());
  });

  it('refuses to trace a client or a server twice', async () => {
    startTelemetry();
    const { app, client } = await startTraced(Handlers, options());
    expect(() => tracePubSub(client)).toThrow(
      /^Expected a client that is not traced yet: PubSubTracingModule traces those of all modules/,
    );
    expect(() => tracePubSub(app.get(RedisPubSubServer))).toThrow(/^Expected a server that is not/);
  });

  it.each([
    [{ relation: 'child' }, 'Expected "relation" to be "parent" or "link", got "child"'],
    [{ captureHeaders: 'tenant' }, 'Expected "captureHeaders" to be an array of names, got "…"'],
    [{ captureHeaders: [''] }, 'Expected "captureHeaders" to be an array of names'],
    [{ classifyError: 'code' }, 'Expected "classifyError" to be a function'],
    [{ capturHeaders: [] }, 'Unknown option "capturHeaders": did you mean "captureHeaders"?'],
    [null, 'Expected "options" to be an object, got null'],
  ])('refuses the options %j', (wrong, message) => {
    for (const call of [
      () => PubSubTracingModule.forRoot(wrong as never),
      () => tracePubSub(createClient(options()), wrong as never),
    ]) {
      expect(call).toThrow(InvalidOptionError);
      expect(call).toThrow(message);
    }
  });

  it('takes its options from a factory', async () => {
    const telemetry = startTelemetry();
    const { app } = await startContext({
      imports: [
        RedisPubSubModule.forRoot(options()),
        PubSubTracingModule.forRootAsync({
          useFactory: async () => ({ classifyError: () => 'mine' }),
        }),
      ],
    });
    await expect(firstValueFrom(app.get(RedisPubSubClient).emit('', 1))).rejects.toThrow('channel');
    const [span] = await telemetry.spans(1);
    expect(span?.attributes['error.type']).toBe('mine');
  });

  it.each([
    [{ relation: 'child' }, 'Expected "relation" to be "parent" or "link", got "child"'],
    [undefined, 'Expected "options" to be an object, got undefined'],
  ])('fails the start for %j of a factory, also without an SDK', async (wrong, message) => {
    const tracing = PubSubTracingModule.forRootAsync({ useFactory: () => wrong as never });
    const started = startContext({ imports: [RedisPubSubModule.forRoot(options()), tracing] });
    await expect(started).rejects.toThrow(InvalidOptionError);
    await expect(started).rejects.toThrow(message);
  });

  it('refuses what is no server, no client and no handler', () => {
    expect(() => tracePubSub({} as never)).toThrow(
      'Expected "target" to be a RedisPubSubServer or a RedisPubSubClient, got',
    );
    expect(() => traced('handler' as never)).toThrow('Expected "handler" to be a function');
    expect(() => traced(() => {}, { template: '' })).toThrow('Expected "template" to be text');
  });

  it('measures what is sent and handled, also without an SDK for traces', async () => {
    const seen = recordMetrics();
    closeAfterTest(async () => metrics.disable());
    const { client } = await startTraced(Handlers, options());
    await firstValueFrom(client.emit('order.created', 1));
    await eventually(() => seen.length === 4);
    const published = {
      'messaging.system': 'redis',
      'messaging.operation.name': 'publish',
      'messaging.operation.type': 'send',
    };
    const processed = {
      'messaging.system': 'redis',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.template': 'order.:event',
    };
    const value = expect.any(Number) as number;
    const sorted = seen.toSorted((one, other) => one.instrument.localeCompare(other.instrument));
    expect(sorted).toEqual([
      {
        instrument: 'messaging.client.consumed.messages',
        unit: '{message}',
        value: 1,
        attributes: processed,
      },
      {
        instrument: 'messaging.client.operation.duration',
        unit: 's',
        value,
        attributes: published,
      },
      {
        instrument: 'messaging.client.sent.messages',
        unit: '{message}',
        value: 1,
        attributes: published,
      },
      { instrument: 'messaging.process.duration', unit: 's', value, attributes: processed },
    ]);
    // Not milliseconds.
    expect(sorted.filter(({ unit, value }) => unit === 's' && value >= 1)).toEqual([]);
  });
});
