import type { SentinelSet, ServerProcess } from '../support/sentinel.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { noticed } from './durations.js';
import type { Fault } from './topology.js';

/** What makes the sentinels put the replica in the master's place. */
export function sentinelFaults(set: SentinelSet, proxies: readonly TcpProxy[]): Fault[] {
  return [
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

/**
 * A failover that an operator orders: the old master goes on as if nothing were, for ten seconds. The
 * connections over `deaf` are half-open from before it on; new ones are not.
 */
function graceful(set: SentinelSet, name: string, deaf: readonly TcpProxy[]): Fault {
  return {
    name,
    countedFrom: 'its beginning',
    strike: async (scene) => {
      const master = await set.master();
      for (const proxy of deaf) {
        proxy.swallow();
        proxy.forward();
      }
      await set.failOver();
      return {
        lasts: async () => {
          await set.failedOver(master);
          await noticed(scene);
        },
        isHeardThrough: true,
        cleanUp: async () => {
          await set.recover();
          for (const proxy of deaf) proxy.sweep();
        },
      };
    },
  };
}
