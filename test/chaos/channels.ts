/** What is published and listened to in a scenario. */
export interface Channels {
  /** Where a plain client publishes. */
  readonly plain: readonly string[];
  /** Where the library publishes itself. */
  readonly own: readonly string[];
  /** The literals that the application listens to, each with a handler and an observer. */
  readonly literals: readonly string[];
  /** The pattern that it listens to likewise. */
  readonly pattern?: string;
}

/** Literals, and a glob beside them. */
export const CHANNELS: Channels = {
  plain: ['chaos.literal', 'chaos.room.1', 'chaos.room.2'],
  own: ['chaos.own'],
  literals: ['chaos.literal', 'chaos.own'],
  pattern: 'chaos.room.:id',
};

/** The literals of these channels, and its pattern. */
export function namesOf({ literals, pattern }: Channels): readonly string[] {
  return pattern === undefined ? literals : [...literals, pattern];
}
