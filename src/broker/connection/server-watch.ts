import type { Redis } from 'ioredis';
import type { ServerInfo } from './ioredis-internals.js';

/** Checks that a connection still leads to the right server. */
export interface ServerWatch {
  /**
   * Why a client that is about to be ready must not use the server that gave this answer to INFO; `undefined`
   * if it may.
   */
  refuse?(client: Redis, info: ServerInfo): string | undefined;
  /** Why a client must not connect now; `undefined` if it may. Resolves soon after `signal` is aborted. */
  unwanted?(client: Redis, signal: AbortSignal): Promise<string | undefined>;
  /** Watches a new connection, and calls `onWrongServer` with the reason when it leads to another server. */
  watch(client: Redis, onWrongServer: (reason: string) => void): WatchedConnection;
}

/** A connection that a {@link ServerWatch} watches. */
export interface WatchedConnection {
  /** The last time at which its server was known to be the right one. */
  readonly lastConfirmed: Date;
  /** Stops watching; resolves when no query for it is in progress. */
  stop(): Promise<void>;
}
