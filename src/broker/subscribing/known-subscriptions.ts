import type { Subscription } from './subscription.js';

/** The subscriptions of one kind. */
export class KnownSubscriptions {
  readonly byName = new Map<string, Subscription>();
  /** Those that Redis has to be told about. */
  readonly stale = new Set<Subscription>();
  /** Those that are still to be looked at since the last connection was lost. */
  unseen: Iterator<Subscription> | undefined;
}

/** A place for the subscriptions of each kind. */
export function createKinds() {
  return {
    channel: new KnownSubscriptions(),
    pattern: new KnownSubscriptions(),
    shard: new KnownSubscriptions(),
  } as const;
}
