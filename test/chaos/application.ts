import { Controller, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import {
  Channel,
  RedisPubSubModule,
  RedisPubSubServer,
  RedisPubSubService,
  type PubSubGap,
  type PubSubLoss,
  type PubSubMessage,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import { captureLog, type TestLog } from '../support/app.js';
import { subscriptionsOf, type ChannelNames } from '../support/faults/channel-names.js';
import { withOptions, type ConnectionOptions } from '../support/faults/connection-options.js';
import { eventually } from '../support/redis.js';
import { LossAudit } from '../support/faults/loss-audit.js';
import { NumberedChannel } from '../support/faults/numbered-channel.js';
import { Recorder } from '../support/faults/recorder.js';
import type { Topology } from '../support/faults/topology.js';
import { APPLICATION } from './application-connections.js';
import { settings } from './settings.js';

interface Numbered {
  readonly number: number;
}

/** The channels of a scenario: those of the plain publisher, and those of the application. */
export interface NumberedChannels {
  readonly plain: readonly NumberedChannel[];
  readonly own: readonly NumberedChannel[];
}

/** Creates the channels of a scenario. */
export function createChannels({ channelNames, isLateAllowed }: Topology): NumberedChannels {
  // Messages of an earlier scenario may still arrive between nodes; all their numbers are lower.
  const options = { first: Date.now(), isLateAllowed };
  const create = (names: readonly string[]) =>
    names.map((name) => new NumberedChannel(name, options));
  return { plain: create(channelNames.plain), own: create(channelNames.own) };
}

/** Options of the application that differ from the defaults of the harness. */
export type ApplicationOptions = Omit<RedisPubSubModuleOptions, 'connection'> & {
  readonly connection?: ConnectionOptions;
};

/** The application under test. */
export class TestApplication {
  readonly #app: INestApplicationContext;
  readonly service: RedisPubSubService;
  readonly statuses: string[] = [];

  constructor(
    app: INestApplicationContext,
    readonly log: TestLog,
    /** One recorder for each listener, which is a handler or an observer, and each channel. */
    readonly recorders: readonly Recorder[],
    /** One for each observed channel whose messages have ids. */
    readonly audits: readonly LossAudit[],
  ) {
    this.#app = app;
    this.service = app.get(RedisPubSubService);
    app.get(RedisPubSubServer).status.subscribe((status) => this.statuses.push(status));
  }

  get status(): string | undefined {
    return this.statuses.at(-1);
  }

  /** The ioredis clients of this package: the publishers, then the subscribers. */
  get clients(): readonly Redis[] {
    return this.#app.get(RedisPubSubServer).unwrap<Redis[]>();
  }

  close(): Promise<void> {
    return this.#app.close();
  }
}

/** Starts an application with handlers and observers; resolves when every one of them is subscribed. */
export async function startApplication(
  topology: Topology,
  channels: NumberedChannels,
  { connection = topology.connection, ...options }: ApplicationOptions = {},
): Promise<TestApplication> {
  const log = captureLog();
  const names = subscriptionsOf(topology.channelNames);
  const gaps = new Map<string, PubSubGap[]>(names.map((name) => [name, []]));
  const gapsOf = (channel: string) =>
    gaps.get(channel) ?? gaps.get(topology.channelNames.pattern ?? '') ?? [];
  const create = (kind: string) =>
    new Map(
      [...channels.plain, ...channels.own].map((channel) => [
        channel.name,
        new Recorder(`${kind} of ${channel.name}`, channel, gapsOf(channel.name)),
      ]),
    );
  const [handlers, observers] = [create('handler'), create('observer')];
  const receive = (channel: string, number: number) => handlers.get(channel)?.record(number);
  const module = {
    module: class Root {},
    imports: [
      RedisPubSubModule.forRoot({
        connection: withOptions(connection, { connectionName: APPLICATION }),
        sharded: topology.isSharded,
        ...settings().heartbeat,
        ...options,
      }),
    ],
    controllers: names.map((name) => handlerClass(name, receive)),
  };
  const app = await NestFactory.createApplicationContext(module, {
    logger: log,
    abortOnError: false,
  });
  const audits = new Map(
    channels.own.map((channel) => [
      channel.name,
      new LossAudit(`observer of ${channel.name}`, channel),
    ]),
  );
  const recorders = [...handlers.values(), ...observers.values()];
  const application = new TestApplication(app, log, recorders, [...audits.values()]);
  await observe(application.service, topology.channelNames, { observers, audits, gaps });
  return application;
}

function handlerClass(name: string, receive: (channel: string, number: number) => void) {
  @Controller()
  class ChaosHandler {
    @EventPattern<string>(name)
    onEvent(@Payload() data: Numbered, @Channel() channel: string) {
      receive(channel, data.number);
    }
  }
  return ChaosHandler;
}

/** What the observers find, by channel; the gaps by subscription. */
interface Found {
  readonly observers: ReadonlyMap<string, Recorder>;
  readonly audits: ReadonlyMap<string, LossAudit>;
  readonly gaps: ReadonlyMap<string, PubSubGap[]>;
}

async function observe(
  service: RedisPubSubService,
  { literals, pattern }: ChannelNames,
  { observers, audits, gaps }: Found,
): Promise<void> {
  let subscribed = 0;
  const onSubscribed = (name: string) => (gap?: PubSubGap) => {
    if (gap) gaps.get(name)?.push(gap);
    else subscribed++;
  };
  const receive = ({ channel, data, id }: PubSubMessage<Numbered>) => {
    observers.get(channel)?.record(data.number);
    audits.get(channel)?.record(data.number, id);
  };
  const onLost = ({ channel, count }: PubSubLoss) => audits.get(channel)?.tell(count);
  const optionsOf = (name: string) => ({ onSubscribed: onSubscribed(name), onLost });
  for (const name of literals) {
    service.observe<Numbered>(name, optionsOf(name)).subscribe(receive);
  }
  if (pattern !== undefined) {
    service.observePattern<Numbered>(pattern, optionsOf(pattern)).subscribe(receive);
  }
  await eventually(() => subscribed === gaps.size, 'every observer is subscribed');
}
