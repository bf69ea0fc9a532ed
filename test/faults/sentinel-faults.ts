import type { SentinelTopology } from '../chaos/sentinel-topology.js';
import { until } from '../chaos/until.js';
import type { ServerProcess } from '../support/sentinel.js';
import { ALL } from './contestants.js';
import { channelOf, fromNow, type Fault, type Stage, type Strike } from './fault.js';
import { openPlainPublisher, type PlainPublisher } from './plain-publisher.js';

interface Target {
  readonly sentinel: SentinelTopology;
  readonly master: ServerProcess;
  readonly publisher: PlainPublisher;
}

/** What makes sentinels put the replica in the master's place. */
export function sentinelFaults(sentinelOf: () => SentinelTopology): Fault[] {
  const fault = (
    name: string,
    countedFrom: string,
    strike: (target: Target) => Promise<Strike>,
  ): Fault => ({
    topology: 'Sentinel',
    name,
    countedFrom,
    prepare: () => createStage(sentinelOf(), strike),
  });
  return [
    fault('failover ordered', 'the first message to the new master', failOver),
    fault('master hung for good', 'the fault', async ({ master }) => {
      master.hang();
      return fromNow();
    }),
    fault('master killed', 'the fault', async ({ master }) => {
      await master.kill();
      return fromNow();
    }),
  ];
}

/** The old master goes on as if nothing were until the sentinels turn to it. */
async function failOver({ sentinel, master, publisher }: Target): Promise<Strike> {
  await sentinel.set.failOver();
  await sentinel.set.failedOver(master);
  const { port } = await sentinel.set.master();
  await until('the publisher is at the new master', () => {
    const { stream, status } = publisher.client;
    return status === 'ready' && 'remotePort' in stream && stream.remotePort === port;
  });
  return fromNow();
}

async function createStage(
  sentinel: SentinelTopology,
  strike: (target: Target) => Promise<Strike>,
): Promise<Stage> {
  const { set } = sentinel;
  const master = await set.master();
  // It must not itself be what is waited for: it says no goodbye to a master that hangs.
  const publisher = await openPlainPublisher({ ...sentinel.direct, disconnectTimeout: 50 });
  const sentinels = set.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
  return {
    contestants: ALL,
    channelOf,
    connectionOf: () => ({ sentinels, name: set.name }),
    publisher,
    strike: () => strike({ sentinel, master, publisher }),
    clear: async () => {
      publisher.close();
      await set.recover();
    },
  };
}
