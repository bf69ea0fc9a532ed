import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeAll } from '../support/app.js';
import { ClusterTopology } from '../support/faults/cluster-topology.js';
import type { ConnectionOptions } from '../support/faults/connection-options.js';
import { SentinelTopology } from '../support/faults/sentinel-topology.js';
import { StandaloneTopology } from '../support/faults/standalone-topology.js';
import type { Topology } from '../support/faults/topology.js';
import { clusterFaults } from './cluster-faults.js';
import { findFault, type Fault } from './fault.js';
import { sentinelFaults } from './sentinel-faults.js';
import { settings } from './settings.js';
import { SocketScenario } from './socket-scenario.js';
import { standaloneFaults } from './standalone-faults.js';

interface Target {
  readonly topology: Topology;
  readonly faults: readonly Fault[];
  /** The connection of the gateway that no fault of the network hits. */
  readonly direct?: ConnectionOptions;
}

/** The faults of the short form, in a full run all of them. */
const TARGETS: Readonly<Record<string, { start: () => Promise<Target>; names: string[] }>> = {
  'a standalone Redis': {
    start: async () => {
      const topology = await StandaloneTopology.start();
      return { topology, faults: standaloneFaults(topology), direct: topology.direct };
    },
    names: [
      'CLIENT KILL of the subscriber',
      'CLIENT KILL of the publisher and the subscriber',
      'SIGKILL and restart',
      'SIGSTOP for longer than every deadline, then SIGCONT',
      'output buffer limit reached',
      'ACL tightened, then loosened',
      'half-open in the direction of the server',
      'half-open in the direction of the client',
      'half-open in either direction',
      'what the client sends is delayed',
      'the acknowledgement of subscriptions is delayed',
      'cut in the middle of a message',
    ],
  },
  Sentinel: {
    start: async () => {
      const topology = await SentinelTopology.start();
      return { topology, faults: sentinelFaults(topology) };
    },
    names: ['graceful failover', 'killed master'],
  },
  'a Cluster with shard channels': {
    start: async () => {
      const topology = await ClusterTopology.start({ isSharded: true });
      return { topology, faults: clusterFaults(topology) };
    },
    names: ['killed master of the subscriber', 'slots of the channels moved'],
  },
};

/** Faults that lose broadcasts whenever they happen. */
const LOSING = [
  'SIGSTOP for longer than every deadline, then SIGCONT',
  'output buffer limit reached',
  'half-open in the direction of the client',
  'half-open in either direction',
  'ACL tightened, then loosened',
];

describe.each(Object.entries(TARGETS))('sockets of two gateways, with %s', (_, target) => {
  let found: Target;
  let scenario: SocketScenario | undefined;
  beforeAll(async () => {
    found = await target.start();
  });
  afterEach(async () => {
    scenario?.close();
    await closeAll();
  });
  afterAll(() => found.topology.stop());

  it.each(target.names)(
    '%s: each socket hears again, and is told of every loss',
    { timeout: 120_000 },
    async (name) => {
      scenario = await SocketScenario.start(found.topology, found.direct);
      const runs = settings().isFull ? 5 : 1;
      for (let run = 0; run < runs; run++) {
        await scenario.recoverFrom(findFault(found.faults, name));
        await scenario.check();
      }
      expect(scenario.application.status).toBe('connected');
    },
  );
});

describe('the counter-proof for sockets', () => {
  let redis: StandaloneTopology;
  let scenario: SocketScenario | undefined;
  beforeAll(async () => {
    redis = await StandaloneTopology.start();
  });
  afterEach(async () => {
    scenario?.close();
    await closeAll();
  });
  afterAll(() => redis.stop());

  it.each(LOSING)(
    '%s: without the notice of gaps, sockets lose broadcasts unseen',
    async (name) => {
      scenario = await SocketScenario.start(redis, redis.direct, { onGap: 'ignore' });
      await scenario.recoverFrom(findFault(standaloneFaults(redis), name));
      const lost = 'was lost outside of the reported gaps: none';
      expect(scenario.violations()).toContainEqual(expect.stringContaining(lost));
    },
  );
});
