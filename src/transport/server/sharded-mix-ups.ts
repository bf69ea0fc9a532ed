import type { ChannelPattern } from '../../channel/channel-pattern.js';
import { matchTokens, parseGlob, toByteString } from '../../channel/glob.js';
import { shorten } from '../../errors.js';
import type { HandlerRoute } from './handler-route.js';

/**
 * Describes the handlers that sharded messages cannot reach although the application publishes some: `isSharded` is
 * the `sharded` of the server. Redis matches no glob with a shard channel, and the two kinds of channels are separate.
 */
export function describeMixUps(
  fresh: readonly HandlerRoute[],
  all: Iterable<HandlerRoute>,
  isSharded: boolean,
): string[] {
  const channels = [...all].filter(isShard).map(({ pattern }) => pattern.name);
  return fresh
    .filter((route) => !isShard(route))
    .flatMap(({ pattern }) => {
      const missed = channels.find((channel) => includes(pattern, channel));
      if (missed === undefined && !isSharded) return [];
      const such =
        missed === undefined
          ? ''
          : `, such as those of the sharded handler of "${shorten(missed)}"`;
      return [
        `The handler of "${shorten(pattern.source)}" receives no sharded messages${such}: it is not sharded. Publish with sharded: false what it is to receive`,
      ];
    });
}

function isShard({ key: { kind } }: HandlerRoute): boolean {
  return kind === 'shard';
}

/** Two handlers of one literal, one of them sharded, are a pair on purpose. */
function includes({ kind, name }: ChannelPattern, channel: string): boolean {
  return kind === 'pattern' && matchTokens(parseGlob(name), toByteString(channel)) !== undefined;
}
