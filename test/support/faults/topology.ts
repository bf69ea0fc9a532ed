import type { Redis } from 'ioredis';
import type { ChannelNames } from './channel-names.js';
import type { ConnectionOptions } from './connection-options.js';
import type { PlainPublisher } from './plain-publisher.js';

/** Servers into which a harness injects faults: a standalone Redis, Sentinel or a Cluster. */
export interface Topology {
  readonly name: string;
  /** The `connection` option of an application. */
  readonly connection: ConnectionOptions;
  /** Whether an application uses sharded Pub/Sub. */
  readonly isSharded: boolean;
  readonly channelNames: ChannelNames;
  /** Whether a server may deliver a message after its PUBLISH failed, and after later messages. */
  readonly isLateAllowed: boolean;
  /** How many connections an application has while no fault lasts. */
  readonly connections: number;
  /** A plain client of each data node that answers. */
  readonly nodes: () => readonly Redis[];
  /** Creates a publisher whose connection no fault of the network hits. */
  createPublisher(): PlainPublisher;
  stop(): Promise<void>;
}
