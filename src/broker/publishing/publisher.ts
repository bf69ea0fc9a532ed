import type { Redis } from 'ioredis';

/** The sending half of a broker: everything that is no subscription. */
export interface PublishingHalf {
  /** Whether every message can go out now. */
  readonly isReady: boolean;
  /** Whether it will never be ready again. */
  readonly hasEnded: boolean;
  /** See `Broker#countsReceivers`. */
  countsReceivers(isSharded: boolean): boolean;
  /** The ioredis clients behind it, as they are now. */
  readonly clients: readonly Redis[];
  /** Calls `listener` with each client that is behind it, or ever will be. */
  onClient(listener: (client: Redis) => void): void;
  /** See `Broker#connect`. */
  open(patience: number): Promise<void>;
  /** Sends what is in flight, fails what waits, and disconnects. Never rejects. */
  close(): Promise<void>;
  /** Replaces its connections, which are of no use although they are there. */
  restart(reason: string): void;
  /** Whether a message could go out now, without waiting. */
  reaches(channel: string, isSharded: boolean): boolean;
  /** See `Broker#publish`. */
  publish(channel: string, payload: string | Uint8Array, isSharded: boolean): Promise<number>;
  /** PUBSUB CHANNELS, or SHARDCHANNELS. */
  channels(glob: string, isSharded: boolean): Promise<string[]>;
  /** PUBSUB NUMSUB, or SHARDNUMSUB. */
  subscriberCounts(channels: readonly string[], isSharded: boolean): Promise<Map<string, number>>;
  /** PUBSUB NUMPAT. */
  patternCount(): Promise<number>;
}
