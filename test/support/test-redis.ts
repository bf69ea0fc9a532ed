import type { Redis } from 'ioredis';
import type { PrivateRedis } from '../../sample/support/private-redis.js';

/** A Redis for the tests of one file, and a plain ioredis client to inspect it. */
export interface TestRedis extends PrivateRedis {
  readonly client: Redis;
  /** Resolves when this many clients are subscribed to a channel. */
  subscribers(channel: string, count: number): Promise<void>;
  /** Resolves when this many globs are subscribed. */
  patterns(count: number): Promise<void>;
  /** Kills the server with SIGKILL. */
  kill(): Promise<void>;
  /** Kills every connection except that of `client`. */
  killConnections(): Promise<void>;
}
