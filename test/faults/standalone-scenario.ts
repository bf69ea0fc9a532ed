import type { Redis } from 'ioredis';
import { ALL_CANDIDATES, type Candidate } from '../support/faults/candidates.js';
import type { PlainPublisher } from '../support/faults/plain-publisher.js';
import type { StandaloneTopology } from '../support/faults/standalone-topology.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { channelOf, type Injection, type RunningCandidates, type Scenario } from './fault.js';

/** The things that a fault of a standalone Redis uses. */
export interface Target {
  readonly redis: StandaloneTopology;
  readonly candidates: RunningCandidates;
  readonly publisher: PlainPublisher<Redis>;
}

/** A target with a proxy between each candidate and Redis. */
export interface ProxiedTarget extends Target {
  readonly proxies: ReadonlyMap<Candidate, TcpProxy>;
}

/** A scenario in which the candidates connect to Redis directly. */
export async function directScenario(
  redis: StandaloneTopology,
  inject: (target: Target) => Promise<Injection>,
): Promise<Scenario> {
  const publisher = redis.createPublisher();
  await publisher.ready();
  return {
    candidates: ALL_CANDIDATES,
    channelOf,
    connectionOf: () => ({ ...redis.connection, port: redis.port }),
    publisher,
    inject: (candidates) => inject({ redis, candidates, publisher }),
    cleanUp: async () => publisher.close(),
  };
}

/** A scenario in which each candidate connects through a proxy of its own. */
export async function proxiedScenario(
  redis: StandaloneTopology,
  inject: (target: ProxiedTarget) => Promise<Injection>,
): Promise<Scenario> {
  const proxies = new Map(ALL_CANDIDATES.map((it) => [it, new TcpProxy(redis.port)]));
  for (const proxy of proxies.values()) await proxy.start();
  const publisher = redis.createPublisher();
  await publisher.ready();
  return {
    candidates: ALL_CANDIDATES,
    channelOf,
    connectionOf: (candidate) => ({ ...redis.connection, port: proxies.get(candidate)?.port }),
    publisher,
    inject: (candidates) => inject({ redis, candidates, publisher, proxies }),
    cleanUp: async () => {
      publisher.close();
      await Promise.all([...proxies.values()].map((proxy) => proxy.stop()));
    },
  };
}
