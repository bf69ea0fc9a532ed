import type { Standalone } from '../chaos/standalone.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import type { Arena } from './arena.js';
import { ALL, type Contestant } from './contestants.js';
import { channelOf, type Stage, type Strike } from './fault.js';
import { openPlainPublisher, type PlainPublisher } from './plain-publisher.js';

/** What a fault of one Redis can hit. */
export interface Target {
  readonly redis: Standalone;
  readonly arena: Arena;
  readonly publisher: PlainPublisher;
}

/** The same, and a proxy before each participant. */
export interface ProxiedTarget extends Target {
  readonly proxies: ReadonlyMap<Contestant, TcpProxy>;
}

/** Everybody is connected to Redis itself. */
export async function directStage(
  redis: Standalone,
  strike: (target: Target) => Promise<Strike>,
): Promise<Stage> {
  const publisher = await openPlainPublisher(redis.direct);
  const { port } = redis.server;
  return {
    contestants: ALL,
    channelOf,
    connectionOf: () => ({ ...redis.connection, port }),
    publisher,
    strike: (arena) => strike({ redis, arena, publisher }),
    clear: async () => publisher.close(),
  };
}

/** Everybody is connected through a proxy of his own. */
export async function proxiedStage(
  redis: Standalone,
  strike: (target: ProxiedTarget) => Promise<Strike>,
): Promise<Stage> {
  const proxies = new Map(ALL.map((it) => [it, new TcpProxy(redis.server.port)]));
  for (const proxy of proxies.values()) await proxy.start();
  const publisher = await openPlainPublisher(redis.direct);
  return {
    contestants: ALL,
    channelOf,
    connectionOf: (contestant) => ({
      ...redis.connection,
      port: proxies.get(contestant)?.port,
    }),
    publisher,
    strike: (arena) => strike({ redis, arena, publisher, proxies }),
    clear: async () => {
      publisher.close();
      await Promise.all([...proxies.values()].map((proxy) => proxy.stop()));
    },
  };
}
