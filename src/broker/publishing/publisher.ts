import type { Redis } from 'ioredis';
import type { ChannelKind } from '../../channel/subscription-key.js';
import type { OutgoingPayload } from '../../shared/payload.js';
import type { Claim, ListEnd, ListRead, MasterAnswer, MessageList } from '../broker.js';

/** Publishes, and answers PUBSUB queries, over one connection or several. */
export interface Publisher {
  /** Whether every message can be sent now. */
  readonly isReady: boolean;
  /** Whether it will never be ready again. */
  readonly hasEnded: boolean;
  /** See `Broker#countsReceivers`. */
  countsReceivers(kind: ChannelKind): boolean;
  /** The ioredis clients that it has now. */
  readonly clients: readonly Redis[];
  /** Calls `listener` with each client, and with each that is created later. */
  onClient(listener: (client: Redis) => void): void;
  /** See `Broker#connect`. */
  open(timeoutMs: number): Promise<void>;
  /** Waits for the answers in flight, fails what waits, and disconnects. Never rejects. */
  close(): Promise<void>;
  /** See `Broker#canPublish`. */
  canPublish(channel: string, kind: ChannelKind): boolean;
  /** See `Broker#sendsNow`. */
  sendsNow(channel: string, kind: ChannelKind, isAppended: boolean): boolean;
  /** See `Broker#publish`. */
  publish(channel: string, payload: OutgoingPayload, kind: ChannelKind): Promise<number>;
  /** See `Broker#claim`. */
  claim(claim: Claim): Promise<readonly boolean[]>;
  /** See `Broker#append`. */
  append(
    channel: string,
    payload: OutgoingPayload,
    kind: ChannelKind,
    list: MessageList,
  ): Promise<number>;
  /** See `Broker#readLists`. Never rejects. */
  readLists(reads: readonly ListRead[]): Promise<readonly ListEnd[]>;
  /** PUBSUB CHANNELS, or SHARDCHANNELS. */
  channels(glob: string, kind: ChannelKind): Promise<string[]>;
  /** PUBSUB NUMSUB, or SHARDNUMSUB. */
  subscriberCounts(channels: readonly string[], kind: ChannelKind): Promise<Map<string, number>>;
  /** PUBSUB NUMPAT. */
  patternCount(): Promise<number>;
  /** See `Broker#callMasters`. */
  callMasters(command: string, ...args: readonly string[]): Promise<readonly MasterAnswer[]>;
}

/** A publisher as the delivery probe uses it. */
export interface ProbePublisher {
  readonly isReady: boolean;
  publish(channel: string, payload: string, kind: ChannelKind): Promise<number>;
  /** Replaces the connection: the subscriber does not receive what it publishes. */
  restart(reason: string): void;
}
