import type { ClusterTopology } from '../support/faults/cluster-topology.js';
import { eventually } from '../support/redis.js';
import type { ServerProcess } from '../support/sentinel.js';
import { masterOf, replicaOfSubscriber, type ConnectionRole } from './application-nodes.js';
import { connectionFaults } from './connection-faults.js';
import { noticed, pastEveryDeadline } from './durations.js';
import type { Fault, FaultContext, Injection } from './fault.js';

/** A node that was removed from the Cluster answers PING, and no message reaches it. */
export const DETACHED = 'detached replica of the subscriber';

/** All faults of a Cluster. They hit the nodes that the application is at. */
export function clusterFaults(topology: ClusterTopology): Fault[] {
  return [
    ...connectionFaults(),
    failover(topology, 'subscriber'),
    failover(topology, 'publisher'),
    killWithReplica(topology),
    killWithoutReplica(topology),
    hang(topology),
    migration(topology),
    // A sharded application has no connection to a replica.
    ...(topology.isSharded ? [] : [detachment(topology)]),
  ];
}

/** An operator promotes the replica of the master that a connection of the application is at. */
function failover(topology: ClusterTopology, role: ConnectionRole): Fault {
  return {
    name: `graceful failover of the master of the ${role}`,
    countedFrom: 'its end',
    inject: repairFirst(topology, async (context) => {
      await topology.cluster.failOver(await masterOf(role, topology, context));
      return {};
    }),
  };
}

/** The nodes promote the replica. */
function killWithReplica(topology: ClusterTopology): Fault {
  const { cluster } = topology;
  return failure(topology, 'killed master of the subscriber', async (master) => {
    await master.kill();
    const isReplaced = async () => !(await cluster.masters()).includes(master);
    return { showsEffect: () => eventually(isReplaced, 'the replica is promoted') };
  });
}

/** The nodes cannot promote the replica: the slots have no owner until the master is restarted. */
function killWithoutReplica(topology: ClusterTopology): Fault {
  const { isSharded, repair } = topology;
  const name = 'killed master of the subscriber, with a hung replica';
  const fault = failure(topology, name, async (master, replica, context) => {
    replica.hang();
    await master.kill();
    return isSharded ? { showsEffect: () => noticed(context), stop: repair } : {};
  });
  return { ...fault, countedFrom: isSharded ? 'its end' : 'its beginning' };
}

function hang(topology: ClusterTopology): Fault {
  return failure(topology, 'hung master of the subscriber', (master) => {
    master.hang();
    return Promise.resolve({ showsEffect: pastEveryDeadline });
  });
}

/** A failure of the subscriber's master; the clean-up repairs it. */
function failure(
  topology: ClusterTopology,
  name: string,
  damage: (
    master: ServerProcess,
    replica: ServerProcess,
    context: FaultContext,
  ) => Promise<Injection>,
): Fault {
  const { cluster, repair } = topology;
  return {
    name,
    countedFrom: 'its beginning',
    inject: repairFirst(topology, async (context) => {
      const master = await masterOf('subscriber', topology, context);
      const replica = await cluster.replicaOf(master);
      await context.plain.avoid(master.port, replica.port);
      topology.repairWith(() => cluster.recover());
      return { ...(await damage(master, replica, context)), cleanUp: repair };
    }),
  };
}

/** The slot of each channel moves to the next master. */
function migration(topology: ClusterTopology): Fault {
  const { cluster } = topology;
  return {
    name: 'slots of the channels moved',
    countedFrom: 'its end',
    inject: repairFirst(topology, async ({ channels }) => {
      const masters = (await cluster.masters()).toSorted((a, b) => a.port - b.port);
      for (const { name } of [...channels.plain, ...channels.own]) {
        const owner = masters.indexOf(await cluster.ownerOf(name));
        const next = masters[(owner + 1) % masters.length];
        if (next) await cluster.moveSlot(name, next);
      }
      return {};
    }),
  };
}

/** The node of the subscriber is removed from the Cluster, and keeps running. */
function detachment(topology: ClusterTopology): Fault {
  const { cluster, repair } = topology;
  return {
    name: DETACHED,
    countedFrom: 'its beginning',
    inject: repairFirst(topology, async (context) => {
      const replica = await replicaOfSubscriber(topology, context);
      await context.plain.avoid(replica.port);
      topology.repairWith(() => cluster.adopt(replica));
      await cluster.remove(replica);
      return { showsEffect: () => noticed(context), cleanUp: repair };
    }),
  };
}

/** Repairs the Cluster before the next fault: a Cluster that has lost two nodes may lose its slots too. */
function repairFirst(topology: ClusterTopology, inject: Fault['inject']): Fault['inject'] {
  return async (context) => {
    await context.receivesFromNowOn();
    await topology.repair();
    return inject(context);
  };
}
