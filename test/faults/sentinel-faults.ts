import type { Redis } from 'ioredis';
import { ALL_CANDIDATES } from '../support/faults/candidates.js';
import { eventually } from '../support/redis.js';
import { createPlainPublisher, type PlainPublisher } from '../support/faults/plain-publisher.js';
import type { SentinelTopology } from '../support/faults/sentinel-topology.js';
import type { ServerProcess } from '../support/sentinel.js';
import { channelOf, countFromNow, type Fault, type Injection, type Scenario } from './fault.js';

interface Target {
  readonly sentinel: SentinelTopology;
  readonly master: ServerProcess;
  readonly publisher: PlainPublisher<Redis>;
}

/** Faults after which the sentinels promote the replica. */
export function sentinelFaults(sentinelOf: () => SentinelTopology): Fault[] {
  const fault = (
    name: string,
    countedFrom: string,
    inject: (target: Target) => Promise<Injection>,
  ): Fault => ({
    topology: 'Sentinel',
    name,
    countedFrom,
    createScenario: () => createScenario(sentinelOf(), inject),
  });
  return [
    fault('failover ordered', 'the first message to the new master', failOver),
    fault('master hung for good', 'the fault', async ({ master }) => {
      master.hang();
      return countFromNow();
    }),
    fault('master killed', 'the fault', async ({ master }) => {
      await master.kill();
      return countFromNow();
    }),
  ];
}

/** The old master keeps its connections until the sentinels reconfigure it. */
async function failOver({ sentinel, master, publisher }: Target): Promise<Injection> {
  await sentinel.set.failOver();
  await sentinel.set.failedOver(master);
  const { port } = await sentinel.set.master();
  await eventually(() => {
    const { stream } = publisher.client;
    return publisher.isReady && 'remotePort' in stream && stream.remotePort === port;
  }, 'the publisher is connected to the new master');
  return countFromNow();
}

async function createScenario(
  sentinel: SentinelTopology,
  inject: (target: Target) => Promise<Injection>,
): Promise<Scenario> {
  const { set } = sentinel;
  const master = await set.master();
  // The publisher must not wait for a hung master to close the connection: that would delay the table's time.
  const publisher = createPlainPublisher({ ...sentinel.direct, disconnectTimeout: 50 });
  await publisher.ready();
  const sentinels = set.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
  return {
    candidates: ALL_CANDIDATES,
    channelOf,
    connectionOf: () => ({ sentinels, name: set.name }),
    publisher,
    inject: () => inject({ sentinel, master, publisher }),
    cleanUp: async () => {
      publisher.close();
      await set.recover();
    },
  };
}
