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
  type PubSubMessage,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import { captureLog, type TestLog } from '../support/app.js';
import { withOptions, type Access } from './access.js';
import { namesOf, type Channels } from './channels.js';
import { Ear, Lane } from './ledger.js';
import { settings } from './settings.js';
import { SUBJECT, type Topology } from './topology.js';
import { until } from './until.js';

interface Numbered {
  readonly number: number;
}

/** The messages of a scenario, from a plain client and from the library. */
export function createLanes({ channels, isLateAllowed }: Topology) {
  // Higher than any number of the scenario before, which may be on its way between nodes yet.
  const options = { first: Date.now(), isLateAllowed };
  const create = (names: readonly string[]) => names.map((name) => new Lane(name, options));
  return { plain: create(channels.plain), own: create(channels.own) };
}

export type Lanes = ReturnType<typeof createLanes>;

/** How the application under test differs from the usual one. */
export type SubjectOptions = Omit<RedisPubSubModuleOptions, 'connection'> & {
  readonly connection?: Access;
};

/** The application under test. */
export class Subject {
  readonly #app: INestApplicationContext;
  readonly service: RedisPubSubService;
  readonly statuses: string[] = [];

  constructor(
    app: INestApplicationContext,
    readonly log: TestLog,
    readonly ears: readonly Ear[],
  ) {
    this.#app = app;
    this.service = app.get(RedisPubSubService);
    app.get(RedisPubSubServer).status.subscribe((status) => this.statuses.push(status));
  }

  get status(): string | undefined {
    return this.statuses.at(-1);
  }

  /** The ioredis clients of the library: those that publish, then those that subscribe. */
  get clients(): readonly Redis[] {
    return this.#app.get(RedisPubSubServer).unwrap<Redis[]>();
  }

  close(): Promise<void> {
    return this.#app.close();
  }
}

/** Starts an application with handlers and observers; all of them hear when it resolves. */
export async function startSubject(
  topology: Topology,
  lanes: Lanes,
  { connection = topology.connection, ...options }: SubjectOptions = {},
): Promise<Subject> {
  const log = captureLog();
  const names = namesOf(topology.channels);
  const gaps = new Map<string, PubSubGap[]>(names.map((name) => [name, []]));
  const gapsOf = (channel: string) =>
    gaps.get(channel) ?? gaps.get(topology.channels.pattern ?? '') ?? [];
  const create = (kind: string) =>
    new Map(
      [...lanes.plain, ...lanes.own].map((lane) => [
        lane.channel,
        new Ear(`${kind} of ${lane.channel}`, lane, gapsOf(lane.channel)),
      ]),
    );
  const [handlers, observers] = [create('handler'), create('observer')];
  const hear = (channel: string, number: number) => handlers.get(channel)?.hear(number);
  const module = {
    module: class Root {},
    imports: [
      RedisPubSubModule.forRoot({
        connection: withOptions(connection, { connectionName: SUBJECT }),
        sharded: topology.isSharded,
        ...settings().liveness,
        ...options,
      }),
    ],
    controllers: names.map((name) => handlerClass(name, hear)),
  };
  const app = await NestFactory.createApplicationContext(module, {
    logger: log,
    abortOnError: false,
  });
  const subject = new Subject(app, log, [...handlers.values(), ...observers.values()]);
  await observe(subject.service, topology.channels, observers, gaps);
  return subject;
}

function handlerClass(name: string, hear: (channel: string, number: number) => void) {
  @Controller()
  class ChaosHandler {
    @EventPattern<string>(name)
    onEvent(@Payload() data: Numbered, @Channel() channel: string) {
      hear(channel, data.number);
    }
  }
  return ChaosHandler;
}

async function observe(
  service: RedisPubSubService,
  channels: Channels,
  observers: ReadonlyMap<string, Ear>,
  gaps: ReadonlyMap<string, PubSubGap[]>,
): Promise<void> {
  let acknowledged = 0;
  const tell = (name: string) => (gap?: PubSubGap) => {
    if (gap) gaps.get(name)?.push(gap);
    else acknowledged++;
  };
  const hear = ({ channel, data }: PubSubMessage<Numbered>) =>
    observers.get(channel)?.hear(data.number);
  const { literals, pattern } = channels;
  for (const name of literals) {
    service.observe<Numbered>(name, { onSubscribed: tell(name) }).subscribe(hear);
  }
  if (pattern !== undefined) {
    service.observePattern<Numbered>(pattern, { onSubscribed: tell(pattern) }).subscribe(hear);
  }
  await until('every observer is told that it hears', () => acknowledged === gaps.size);
}
