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
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import { captureLog, type TestLog } from '../support/app.js';
import { Ear, Lane } from './ledger.js';
import { settings } from './settings.js';
import { SUBJECT, type Topology } from './topology.js';
import { until } from './until.js';

interface Numbered {
  readonly number: number;
}

/** The messages of a scenario: all but the last from a plain client, the last from the library. */
export function createLanes() {
  return {
    plain: ['chaos.literal', 'chaos.room.1', 'chaos.room.2'].map((name) => new Lane(name)),
    own: [new Lane('chaos.own')],
  };
}

export type Lanes = ReturnType<typeof createLanes>;

/** What the application under test listens to; every one of them with a handler and an observer. */
const LITERALS = ['chaos.literal', 'chaos.own'];
const PATTERN = 'chaos.room.:id';

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

  /** What Redis must know of it. */
  get subscriptions() {
    return { literals: LITERALS, patterns: 1 };
  }

  get status(): string | undefined {
    return this.statuses.at(-1);
  }

  /** The ioredis clients of the library: publisher and subscriber. */
  get clients(): [Redis, Redis] {
    return this.#app.get(RedisPubSubServer).unwrap<[Redis, Redis]>();
  }

  close(): Promise<void> {
    return this.#app.close();
  }
}

/** Starts an application with handlers and observers; all of them hear when it resolves. */
export async function startSubject(
  topology: Topology,
  lanes: Lanes,
  options: RedisPubSubModuleOptions = {},
): Promise<Subject> {
  const log = captureLog();
  const all = [...lanes.plain, ...lanes.own];
  const gaps = new Map<string, PubSubGap[]>([...LITERALS, PATTERN].map((name) => [name, []]));
  const gapsOf = (channel: string) =>
    gaps.get(LITERALS.includes(channel) ? channel : PATTERN) ?? [];
  const create = (kind: string) =>
    new Map(
      all.map((lane) => [
        lane.channel,
        new Ear(`${kind} of ${lane.channel}`, lane, gapsOf(lane.channel)),
      ]),
    );
  const [handlers, observers] = [create('handler'), create('observer')];
  const module = {
    module: class Root {},
    imports: [
      RedisPubSubModule.forRoot({
        connection: { ...topology.connection, connectionName: SUBJECT },
        ...settings().liveness,
        ...options,
      }),
    ],
    controllers: [handlerClass((channel, number) => handlers.get(channel)?.hear(number))],
  };
  const app = await NestFactory.createApplicationContext(module, {
    logger: log,
    abortOnError: false,
  });
  const subject = new Subject(app, log, [...handlers.values(), ...observers.values()]);
  await observe(subject.service, observers, gaps);
  return subject;
}

function handlerClass(hear: (channel: string, number: number) => void) {
  @Controller()
  class ChaosHandlers {
    @EventPattern<string>('chaos.literal')
    onLiteral(@Payload() data: Numbered, @Channel() channel: string) {
      hear(channel, data.number);
    }

    @EventPattern<string>('chaos.own')
    onOwn(@Payload() data: Numbered, @Channel() channel: string) {
      hear(channel, data.number);
    }

    @EventPattern<string>(PATTERN)
    onRoom(@Payload() data: Numbered, @Channel() channel: string) {
      hear(channel, data.number);
    }
  }
  return ChaosHandlers;
}

async function observe(
  service: RedisPubSubService,
  observers: ReadonlyMap<string, Ear>,
  gaps: ReadonlyMap<string, PubSubGap[]>,
): Promise<void> {
  let acknowledged = 0;
  const tell = (name: string) => (gap?: PubSubGap) => {
    if (gap) gaps.get(name)?.push(gap);
    else acknowledged++;
  };
  for (const name of LITERALS) {
    service
      .observe<Numbered>(name, { onSubscribed: tell(name) })
      .subscribe(({ channel, data }) => observers.get(channel)?.hear(data.number));
  }
  service
    .observePattern<Numbered>(PATTERN, { onSubscribed: tell(PATTERN) })
    .subscribe(({ channel, data }) => observers.get(channel)?.hear(data.number));
  await until('every observer is told that it hears', () => acknowledged === LITERALS.length + 1);
}
