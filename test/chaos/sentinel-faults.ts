import { makeHalfOpen } from '../support/faults/half-open.js';
import type { SentinelTopology } from '../support/faults/sentinel-topology.js';
import type { SentinelSet, ServerProcess } from '../support/sentinel.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { connectionFaults } from './connection-faults.js';
import { noticed } from './durations.js';
import type { Fault } from './fault.js';

/** All faults of Sentinel. After those of the servers, the sentinels promote the replica. */
export function sentinelFaults({ set, proxies }: SentinelTopology): Fault[] {
  return [
    ...connectionFaults(),
    graceful(set, 'graceful failover', []),
    graceful(set, 'graceful failover, with the connections to the sentinels half-open', proxies),
    failure(set, 'hung master', async (master) => master.hang()),
    failure(set, 'killed master', (master) => master.kill()),
    failure(set, 'hung machine of the master and of a sentinel', async (master) => {
      set.sentinels[0]?.hang();
      master.hang();
    }),
  ];
}

/** A fault of the master that the sentinels detect. */
function failure(
  set: SentinelSet,
  name: string,
  damage: (master: ServerProcess) => Promise<void>,
): Fault {
  return {
    name,
    countedFrom: 'its beginning',
    inject: async () => {
      const master = await set.master();
      await damage(master);
      return { showsEffect: () => set.failedOver(master), cleanUp: () => set.recover() };
    },
  };
}

/**
 * A failover that an operator orders: the old master keeps its connections for ten seconds. The connections
 * through these proxies are half-open before it begins; new connections work.
 */
function graceful(set: SentinelSet, name: string, proxies: readonly TcpProxy[]): Fault {
  return {
    name,
    countedFrom: 'its beginning',
    inject: async (context) => {
      const master = await set.master();
      for (const proxy of proxies) makeHalfOpen(proxy);
      await set.failOver();
      return {
        showsEffect: async () => {
          await set.failedOver(master);
          await noticed(context);
        },
        deliversUntilNoticed: true,
        cleanUp: async () => {
          await set.recover();
          for (const proxy of proxies) proxy.sweep();
        },
      };
    },
  };
}
