import type { Redis } from 'ioredis';
import type { Access } from './access.js';
import type { Channels } from './channels.js';
import type { PlainPublisher } from './plain-publisher.js';
import type { Scene } from './scene.js';

/** What becomes of a fault that has begun. */
export interface Strike {
  /** Resolves when it has lasted long enough to be told from a short one. At once, if not given. */
  readonly lasts?: () => Promise<unknown>;
  readonly end?: () => Promise<unknown>;
  /** Whether everything is heard until the application notices; then {@link lasts} waits for that. */
  readonly isHeardThrough?: boolean;
  /** Takes away what is left of it at the server, when everybody has recovered. */
  readonly cleanUp?: () => Promise<unknown>;
}

/** Something that goes wrong with a Redis, or on the way to it. */
export interface Fault {
  readonly name: string;
  /** From when its recovery is counted. */
  readonly countedFrom: 'its beginning' | 'its end';
  readonly strike: (scene: Scene) => Promise<Strike>;
}

/** One way in which Redis is set up: servers that can be hit. */
export interface Topology {
  readonly name: string;
  /** What the library is given as its `connection`. */
  readonly connection: Access;
  /** Whether literals are sharded: SSUBSCRIBE and SPUBLISH. */
  readonly isSharded: boolean;
  readonly channels: Channels;
  /** Whether a server that was given up may publish later what failed then, and others have overtaken. */
  readonly isLateAllowed: boolean;
  /** How many connections the application has when all is well. */
  readonly connections: number;
  /** A plain client of each data node that is running. */
  readonly nodes: () => readonly Redis[];
  readonly faults: readonly Fault[];
  /** Publishes by the way to Redis that has no faults of its own. */
  createPublisher(): PlainPublisher;
  stop(): Promise<void>;
}

/** The fault of a name. */
export function faultOf({ faults }: Topology, name: string): Fault {
  const found = faults.find((fault) => fault.name === name);
  if (!found) throw new Error(`There is no fault "${name}"`);
  return found;
}

/** The connections of the application under test have this name. */
export const SUBJECT = 'subject';

/** A connection of the application under test, as a node sees it. */
export interface SubjectConnection {
  readonly node: Redis;
  readonly id: string;
  readonly isSubscriber: boolean;
}

/** The connections of the application under test, of all nodes. */
export async function subjectConnections(topology: Topology): Promise<SubjectConnection[]> {
  const lists = topology.nodes().map(async (node) => {
    const list = String(await node.call('CLIENT', 'LIST'));
    return list
      .split('\n')
      .filter((line) => field(line, 'name') === SUBJECT)
      .map((line) => ({
        node,
        id: field(line, 'id'),
        isSubscriber: ['sub', 'psub', 'ssub'].some((kind) => Number(field(line, kind)) > 0),
      }));
  });
  return (await Promise.all(lists)).flat();
}

/** Ends connections from the side of the server. */
export async function killConnections(connections: readonly SubjectConnection[]): Promise<void> {
  const kills = connections.map(({ node, id }) => node.call('CLIENT', 'KILL', 'ID', id));
  await Promise.all(kills);
}

function field(line: string, name: string): string {
  return new RegExp(`(?:^| )${name}=(\\S*)`).exec(line)?.[1] ?? '';
}
