import { eventually } from '../support/redis.js';
import type { ServerProcess } from '../support/sentinel.js';
import { masterOf, replicaOfSubscriber, type Half } from './cluster-places.js';
import type { ClusterTopology } from './cluster-topology.js';
import { noticed, pastEveryDeadline } from './durations.js';
import type { Scene } from './scene.js';
import type { Fault, Strike } from './topology.js';

/** A node that has left the Cluster answers PING to the end, and delivers nothing any more. */
export const DETACHED = 'detached replica of the subscriber';

/** What can happen to the nodes of a Cluster, where the application is at them. */
export function clusterFaults(topology: ClusterTopology): Fault[] {
  return [
    failover(topology, 'subscriber'),
    failover(topology, 'publisher'),
    killWithReplica(topology),
    killWithoutReplica(topology),
    hang(topology),
    migration(topology),
    // Sharded, nobody is at a replica.
    ...(topology.isSharded ? [] : [detachment(topology)]),
  ];
}

/** An operator puts a replica in the place of the master that a half of the application is at. */
function failover(topology: ClusterTopology, half: Half): Fault {
  return {
    name: `graceful failover of the master of the ${half}`,
    countedFrom: 'its end',
    strike: wholeFirst(topology, async (scene) => {
      await topology.cluster.failOver(await masterOf(half, topology, scene));
      return {};
    }),
  };
}

/** The replica takes over. */
function killWithReplica(topology: ClusterTopology): Fault {
  const { cluster } = topology;
  return failure(topology, 'killed master of the subscriber', async (master) => {
    await master.kill();
    const isReplaced = async () => !(await cluster.masters()).includes(master);
    return { lasts: () => eventually(isReplaced) };
  });
}

/** Nobody takes over: shard channels of its slots are away until it is back. */
function killWithoutReplica(topology: ClusterTopology): Fault {
  const { isSharded, repair } = topology;
  const name = 'killed master of the subscriber, with a hung replica';
  const fault = failure(topology, name, async (master, replica, scene) => {
    replica.hang();
    await master.kill();
    return isSharded ? { lasts: () => noticed(scene), end: repair } : {};
  });
  return { ...fault, countedFrom: isSharded ? 'its end' : 'its beginning' };
}

function hang(topology: ClusterTopology): Fault {
  return failure(topology, 'hung master of the subscriber', (master) => {
    master.hang();
    return Promise.resolve({ lasts: pastEveryDeadline });
  });
}

/** Something that the master of the subscriber does not survive; it is brought back at the end. */
function failure(
  topology: ClusterTopology,
  name: string,
  hit: (master: ServerProcess, replica: ServerProcess, scene: Scene) => Promise<Strike>,
): Fault {
  const { cluster, repair } = topology;
  return {
    name,
    countedFrom: 'its beginning',
    strike: wholeFirst(topology, async (scene) => {
      const master = await masterOf('subscriber', topology, scene);
      const replica = await cluster.replicaOf(master);
      await scene.plain.leave(master.port, replica.port);
      topology.needs(() => cluster.recover());
      return { ...(await hit(master, replica, scene)), cleanUp: repair };
    }),
  };
}

/** The slots of all channels go to another master each. */
function migration(topology: ClusterTopology): Fault {
  const { cluster } = topology;
  return {
    name: 'slots of the channels moved',
    countedFrom: 'its end',
    strike: wholeFirst(topology, async ({ lanes }) => {
      const masters = (await cluster.masters()).toSorted((a, b) => a.port - b.port);
      for (const { channel } of [...lanes.plain, ...lanes.own]) {
        const owner = masters.indexOf(await cluster.ownerOf(channel));
        const next = masters[(owner + 1) % masters.length];
        if (next) await cluster.moveSlot(channel, next);
      }
      return {};
    }),
  };
}

/** The node of the subscriber is taken out of the Cluster, and goes on by itself. */
function detachment(topology: ClusterTopology): Fault {
  const { cluster, repair } = topology;
  return {
    name: DETACHED,
    countedFrom: 'its beginning',
    strike: wholeFirst(topology, async (scene) => {
      const replica = await replicaOfSubscriber(topology, scene);
      await scene.plain.leave(replica.port);
      topology.needs(() => cluster.adopt(replica));
      await cluster.remove(replica);
      return { lasts: () => noticed(scene), cleanUp: repair };
    }),
  };
}

/** A fault finds a whole Cluster, where the application hears: one that has lost two machines is gone. */
function wholeFirst(topology: ClusterTopology, strike: Fault['strike']): Fault['strike'] {
  return async (scene) => {
    await scene.hearsFromNowOn();
    await topology.repair();
    return strike(scene);
  };
}
