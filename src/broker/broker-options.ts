import type { ChannelKind } from '../channel/subscription-key.js';
import type { BrokerLog } from './broker.js';
import type { CredentialsProvider } from './connection/credentials.js';
import type { RedisConnection } from './connection/redis-connection.js';

/** How much may wait while the connection is lost. */
export interface PublishBufferOptions {
  readonly maxMessages: number;
  /** In milliseconds. */
  readonly maxAge: number;
  /** Of all payloads together; each character of text counts as one. No limit, if not given. */
  readonly maxBytes?: number;
}

/** How much may wait for the answers of Redis, over one connection. */
export interface PublishLimitOptions {
  readonly maxMessages: number;
  /** Of all payloads together; each character of text counts as one. */
  readonly maxBytes: number;
}

/** The options of a broker. Those with the names of public options mean the same. */
export interface BrokerOptions {
  /** The name of the broker in telemetry. */
  readonly transport: string;
  readonly connection: RedisConnection;
  readonly credentials?: CredentialsProvider | undefined;
  /** Whether the connections for shard channels are opened at the start, or those for classic ones. */
  readonly sharded: boolean;
  /** In milliseconds. */
  readonly pingInterval: number;
  /** In milliseconds. */
  readonly pingTimeout: number;
  /** In milliseconds; 0 turns the delivery probe off. */
  readonly probeInterval: number;
  /** In milliseconds; 0 turns the check of the address off. */
  readonly addressCheckInterval: number;
  /** Probes are published to channels that begin with this, which nothing else uses. */
  readonly probePrefix: string;
  readonly publishBuffer: PublishBufferOptions | false;
  /** No limit, if not given. */
  readonly publishLimit?: PublishLimitOptions;
  readonly batchPublishes: boolean;
  readonly log: BrokerLog;
  /** Is called when Redis has delivered a message to no subscription. Must not throw. */
  readonly onNoReceivers?: NoReceivers;
  /** Is called when a message that was to be sent at once was certainly not published. Must not throw. */
  readonly onNotPublished?: NotPublished;
}

/** Takes the channel of a message. In a Cluster others than those that were counted may have received it. */
export type NoReceivers = (channel: string, kind: ChannelKind) => void;

/**
 * Takes the channel of a message that Redis refused, or that was one too many to be sent. `isAppended`: whether it was
 * to be added to a list.
 */
export type NotPublished = (channel: string, kind: ChannelKind, isAppended?: boolean) => void;
