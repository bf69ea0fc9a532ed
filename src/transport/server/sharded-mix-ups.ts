import type { ChannelPattern } from '../../channel/channel-pattern.js';
import { matchTokens, parseGlob, toByteString } from '../../channel/glob.js';
import type { HandlerRoute } from './handler-route.js';

/** A handler that sharded messages cannot reach. */
export interface MixUp {
  readonly pattern: string;
  /** The channel of a sharded handler that the pattern includes, if there is one. */
  readonly missed: string | undefined;
}

/**
 * Finds the handlers that sharded messages cannot reach although the application publishes some: `isSharded` is the
 * `sharded` of the server. Redis matches no glob with a shard channel, and the two kinds of channels are separate.
 */
export function findMixUps(
  fresh: readonly HandlerRoute[],
  all: Iterable<HandlerRoute>,
  isSharded: boolean,
): MixUp[] {
  const channels = [...all].filter(isShard).map(({ pattern }) => pattern.name);
  return fresh
    .filter((route) => !isShard(route))
    .map(({ pattern }) => ({
      pattern: pattern.source,
      missed: channels.find((channel) => includes(pattern, channel)),
    }))
    .filter(({ missed }) => missed !== undefined || isSharded);
}

function isShard({ key: { kind } }: HandlerRoute): boolean {
  return kind === 'shard';
}

/** Two handlers of one literal, one of them sharded, are a pair on purpose. */
function includes({ kind, name }: ChannelPattern, channel: string): boolean {
  return kind === 'pattern' && matchTokens(parseGlob(name), toByteString(channel)) !== undefined;
}
