/** The commands that {@link RedisFaults.refuse} knows. The last two are those of the claims of a group. */
export type RefusableCommand =
  | 'PUBLISH'
  | 'SPUBLISH'
  | 'SUBSCRIBE'
  | 'PSUBSCRIBE'
  | 'SSUBSCRIBE'
  | 'PUBSUB'
  | 'BITFIELD'
  | 'SET';

/**
 * The faults of Redis and of the network that a test can cause: of an {@link InMemoryRedis}, and of a real Redis behind a
 * `RedisFaultProxy`. Names are those of Redis, prefix included.
 */
export interface RedisFaults {
  /** Cuts every connection, and accepts none until {@link restore}. */
  cut(): void;

  /** Delivers no message until {@link restore}, over connections that stay up. Redis goes on counting the receivers. */
  deafen(): void;

  /**
   * Refuses a command until {@link restore}, as the ACL of a user does. Redis also disconnects a subscriber that has a
   * subscription that is no longer allowed.
   *
   * @param command - In capitals, as Redis' documentation has it.
   * @param name - A glob of the channels, patterns or keys that are refused. Default: all.
   */
  refuse(command: RefusableCommand, name?: string): void;

  /** Delays each answer and each message by `ms` milliseconds, until {@link restore}. `Infinity` holds them. */
  delay(ms: number): void;

  /**
   * Loses the next messages at each subscriber. Those that this package sends itself, such as replies, are not counted.
   *
   * @param count - How many. Default: 1.
   */
  dropNext(count?: number): void;

  /** Ends every fault. Applications reconnect. */
  restore(): void;
}
