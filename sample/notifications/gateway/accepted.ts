/** The answer 202. */
export interface Accepted {
  /** How many subscriptions Redis delivered the event to; with 0, nobody heard of it. */
  readonly receivers: number;
}
