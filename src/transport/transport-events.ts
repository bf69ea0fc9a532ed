import type { PubSubGap } from '../telemetry.js';

/**
 * The values of `status`. `connected`: both connections are up, and every subscription is in place.
 * `starving`: the same, but no message arrives; the subscriber connection is being replaced.
 */
export type RedisPubSubStatus = 'connected' | 'starving' | 'reconnecting' | 'disconnected';

/** A time in which a decorated handler may have missed messages; see `RedisPubSubServer#gaps`. */
export interface HandlerGap extends PubSubGap {
  /** The pattern of the handler, as it was written. */
  readonly pattern: string;
  /**
   * With `recover`: whether the handler handles all messages with history of that time. If not, it handles none of them.
   * Absent without `recover`.
   */
  readonly recovered?: boolean;
}

/** The events of the two ioredis clients, with the name of the client before their own arguments. */
export type RedisPubSubEvents = Record<
  'connect' | 'ready' | 'error' | 'close' | 'reconnecting' | 'end',
  (client: 'pub' | 'sub', ...args: unknown[]) => void
>;
