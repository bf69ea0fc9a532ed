import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  RedisPubSubClient,
  RedisPubSubContext,
  RedisPubSubHealthIndicator,
  RedisPubSubModule,
  RedisPubSubServer,
  RedisPubSubService,
  type HandlerGap,
  type PubSubGap,
  type RedisPubSubModuleOptions,
  type TelemetryEvents,
} from 'nestjs-redis-pubsub';
import { closeAfterTest } from '../support/app.js';
import { eventually } from '../support/redis.js';
import { startContext } from '../e2e/module/apps.js';

/** The options of an application that notices faults soon. */
const SOON: RedisPubSubModuleOptions = {
  pingInterval: 100,
  probeInterval: 200,
  addressCheckInterval: 0,
  publishBuffer: false,
};

/** The subscriptions of the application, without its prefix. */
const NAMES = { pattern: ['user.*'], channel: ['news', 'sum', 'watched'] };

/** An application with handlers and an observer, and all that it learns of a fault. */
export interface FaultedApp {
  readonly prefix: string;
  readonly service: RedisPubSubService;
  readonly client: RedisPubSubClient;
  /** What a readiness check would answer now. */
  readonly health: () => unknown;
  /** The messages that arrived, as "channel data". */
  readonly received: string[];
  /** The changes of the status, by telemetry and by the server, after the start. */
  readonly statuses: string[];
  readonly serverStatuses: string[];
  /** What `server.gaps` has told. */
  readonly gaps: HandlerGap[];
  /** What an observer of "watched" was told. */
  readonly observed: (PubSubGap | undefined)[];
  /** The events of telemetry about subscriptions after the start, as "kind name gap". */
  readonly subscribed: string[];
  /** The losses that telemetry has told, as "channel count". */
  readonly lost: string[];
  becomes(status: string): Promise<void>;
}

/** Starts an application whose channels no other test has; closed after the test. */
export async function startFaultedApp(
  connection: RedisPubSubModuleOptions['connection'],
  options: RedisPubSubModuleOptions = {},
): Promise<FaultedApp> {
  const prefix = `${randomUUID()}:`;
  const received: string[] = [];
  const record = (data: unknown, channel: string): void => {
    received.push(`${channel} ${String(data)}`);
  };
  @Controller()
  class Handlers {
    @EventPattern<string>('user.*')
    onUser(@Payload() data: unknown, @Ctx() context: RedisPubSubContext) {
      record(data, context.getChannel());
    }
    @EventPattern('news')
    onNews(@Payload() data: unknown) {
      record(data, 'news');
    }
    @MessagePattern('sum')
    sum(@Payload() numbers: number[]) {
      return numbers.reduce((all, it) => all + it, 0);
    }
  }
  const { app } = await startContext({
    imports: [RedisPubSubModule.forRoot({ ...SOON, ...options, connection, prefix })],
    controllers: [Handlers],
  });
  const service = app.get(RedisPubSubService);
  const server = app.get(RedisPubSubServer);
  const told: Omit<
    FaultedApp,
    'prefix' | 'service' | 'client' | 'health' | 'received' | 'becomes'
  > = {
    gaps: [],
    observed: [],
    statuses: [],
    serverStatuses: [],
    subscribed: [],
    lost: [],
  };
  service
    .observe('watched', { onSubscribed: (gap) => told.observed.push(gap) })
    .subscribe(({ data }) => record(data, 'watched'));
  server.gaps.subscribe((gap) => told.gaps.push(gap));
  server.status.subscribe((status) => told.serverStatuses.push(status));
  if (options.onStart !== 'background') {
    await eventually(() => told.observed.length === 1 && service.status === 'connected');
    told.observed.length = told.serverStatuses.length = told.gaps.length = 0;
  }
  listen('status', ({ status }) => told.statuses.push(status));
  listen('subscribe', ({ kind, name, gap, error }) => {
    if (!name.startsWith(prefix)) return;
    const outcome = error ? 'refused' : gap ? 'gap' : 'first';
    told.subscribed.push(`${kind} ${name.slice(prefix.length)} ${outcome}`);
  });
  listen('lost', ({ channel, count }) => {
    if (channel.startsWith(prefix)) told.lost.push(`${channel.slice(prefix.length)} ${count}`);
  });
  return {
    prefix,
    service,
    client: app.get(RedisPubSubClient),
    health: () => app.get(RedisPubSubHealthIndicator).isHealthy('redis').redis?.status,
    received,
    ...told,
    becomes: (status) =>
      eventually(
        () => service.status === status,
        () => told.statuses.join(),
      ),
  };
}

/** Every subscription of the application with the outcome of telemetry, sorted. */
export function subscriptions(outcome: 'gap' | 'first'): string[] {
  return Object.entries(NAMES)
    .flatMap(([kind, names]) => names.map((name) => `${kind} ${name} ${outcome}`))
    .toSorted();
}

/** Every pattern with a handler, sorted. */
export const HANDLERS = ['news', 'sum', 'user.*'];

/** Listens to telemetry until the end of the test. */
function listen<Key extends keyof TelemetryEvents>(
  key: Key,
  listener: (event: TelemetryEvents[Key]) => void,
): void {
  const name = `nestjs-redis-pubsub:${key}`;
  const onEvent = (event: unknown): void => listener(event as TelemetryEvents[Key]);
  subscribe(name, onEvent);
  closeAfterTest(async () => void unsubscribe(name, onEvent));
}
