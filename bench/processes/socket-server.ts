// A server of Socket.IO with one socket, which is no connection: what is measured is the adapter.
import { setImmediate } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { RedisPubSubModule } from 'nestjs-redis-pubsub';
import { createAdapter as createOurAdapter } from 'nestjs-redis-pubsub/socket.io';
import { Server, type ServerOptions } from 'socket.io';
import { ArrivalCounter } from '../harness/arrival-counter.js';
import { serveCommands } from '../harness/serve-commands.js';
import { meter, type Usage } from '../harness/usage.js';
import { dataOf } from '../workload/payloads.js';

/** The adapters that are compared; each of them with classic and with shard channels. */
export type AdapterName = 'ours' | 'redis-adapter' | 'ours, sharded' | 'redis-adapter, sharded';

/** Broadcasts to send. */
export interface Broadcasts {
  readonly count: number;
  readonly bytes: number;
}

const ROOM = 'room';
/** Broadcasts of one tick: those of a busy server, without a backlog. */
const PER_TICK = 10;

const arrivals = new ArrivalCounter();
let io: Server;
let used: () => Usage;

const commands = {
  /** Resolves when it is subscribed. */
  async open(name: AdapterName, port: number): Promise<void> {
    io = new Server({ adapter: (await LOADERS[name](port)) as ServerOptions['adapter'] });
    const { sockets, adapter } = io.of('/');
    const socket = { id: 'a', client: { writeToEngine: () => arrivals.increment() } };
    sockets.set(socket.id, socket as never);
    await adapter.addAll(socket.id, new Set([socket.id, ROOM]));
    while (!isSubscribed(await adapter.serverCount())) await setImmediate();
  },

  expect: (count: number): void => arrivals.expect(count),

  /** Resolves to the usage per broadcast when all that are expected have arrived. */
  completed: (): Promise<Usage> => arrivals.completed(),

  /** Sends broadcasts, without waiting for Redis. */
  async send({ count, bytes }: Broadcasts): Promise<void> {
    const data = dataOf(bytes);
    used = meter();
    for (let i = 0; i < count; i++) {
      io.to(ROOM).emit('news', data);
      if (i % PER_TICK === PER_TICK - 1) await setImmediate();
    }
  },

  /** The usage since `send` began. */
  usage: (): Usage => used(),
};

/** Before it is subscribed, an adapter counts no server, not even its own, or cannot tell. */
const isSubscribed = (servers: number): boolean => servers >= 1 && servers !== Infinity;

export type SocketServerCommands = typeof commands;

const LOADERS: Readonly<Record<AdapterName, (port: number) => Promise<unknown>>> = {
  ours: (port) => loadOurs(port, false),
  'ours, sharded': (port) => loadOurs(port, true),
  'redis-adapter': async (port) => createAdapter(...clients(port)),
  'redis-adapter, sharded': async (port) =>
    createShardedAdapter(...clients(port), { subscriptionMode: 'static' }),
};

async function loadOurs(port: number, sharded: boolean): Promise<unknown> {
  const connection = `redis://127.0.0.1:${port}`;
  const module = {
    module: class BenchModule {},
    imports: [RedisPubSubModule.forRoot({ connection })],
  };
  const app = await NestFactory.createApplicationContext(module, { logger: ['warn', 'error'] });
  return createOurAdapter(app, { sharded });
}

function clients(port: number): [Redis, Redis] {
  const client = new Redis(port, '127.0.0.1', { enableAutoPipelining: true });
  return [client, client.duplicate()];
}

serveCommands(commands);
