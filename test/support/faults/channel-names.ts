/** The names of the channels of a scenario. */
export interface ChannelNames {
  /** The plain publisher publishes on these channels. */
  readonly plain: readonly string[];
  /** The application publishes on these channels itself. */
  readonly own: readonly string[];
  /** The application has a handler and an observer for each of these literals. */
  readonly literals: readonly string[];
  /** The application has a handler and an observer for this pattern. */
  readonly pattern?: string;
}

/** Literals, and a pattern for two of the channels. */
export const CHANNEL_NAMES: ChannelNames = {
  plain: ['chaos.literal', 'chaos.room.1', 'chaos.room.2'],
  own: ['chaos.own'],
  literals: ['chaos.literal', 'chaos.own'],
  pattern: 'chaos.room.:id',
};

/** The literals and the pattern that an application subscribes to. */
export function subscriptionsOf({ literals, pattern }: ChannelNames): readonly string[] {
  return pattern === undefined ? literals : [...literals, pattern];
}
