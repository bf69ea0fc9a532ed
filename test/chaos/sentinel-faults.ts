import type { SentinelSet, ServerProcess } from '../support/sentinel.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { noticed } from './durations.js';
import type { Fault } from './topology.js';

/** What makes the sentinels put the replica in the master's place. */
export function sentinelFaults(set: SentinelSet, proxies: readonly TcpProxy[]): Fault[] {
  return [
    graceful(set, 'graceful failover', () => undefined),
    graceful(set, 'graceful failover, with the connections to the sentinels half-open', () => {
      for (const proxy of proxies) {
        proxy.swallow();
        proxy.forward();
      }
    }),
    failure(set, 'hung master', async (master) => master.hang()),
    failure(set, 'killed master', (master) => master.kill()),
    failure(set, 'hung machine of the master and of a sentinel', async (master) => {
      set.sentinels[0]?.hang();
      master.hang();
    }),
  ];
}

/** A fault of the master that the sentinels find out about by themselves. */
function failure(
  set: SentinelSet,
  name: string,
  hit: (master: ServerProcess) => Promise<void>,
): Fault {
  return {
    name,
    countedFrom: 'its beginning',
    strike: async () => {
      const master = await set.master();
      await hit(master);
      return { lasts: () => set.failedOver(master), cleanUp: () => set.recover() };
    },
  };
}

/** A failover that an operator orders: the old master goes on as if nothing were, for ten seconds. */
function graceful(set: SentinelSet, name: string, prepare: () => void): Fault {
  return {
    name,
    countedFrom: 'its beginning',
    strike: async (scene) => {
      const master = await set.master();
      prepare();
      await set.failOver();
      return {
        lasts: async () => {
          await set.failedOver(master);
          await noticed(scene);
        },
        isHeardThrough: true,
        cleanUp: () => set.recover(),
      };
    },
  };
}
