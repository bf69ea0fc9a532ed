import type { Logger } from '@nestjs/common';
import type { ChannelPattern } from '../../channel/channel-pattern.js';
import { matchTokens, parseGlob, toByteString } from '../../channel/glob.js';
import { shorten } from '../../errors.js';
import type { HandlerRoute } from './handler-route.js';

/** Warns of each handler that {@link findMixUps} finds. */
export function warnOfMixUps(logger: Pick<Logger, 'warn'>, mixUps: readonly MixUp[]): void {
  for (const { pattern, missed } of mixUps) {
    const such =
      missed === undefined ? '' : `, such as those of the sharded handler of "${shorten(missed)}"`;
    logger.warn(
      `The handler of "${shorten(pattern)}" receives no sharded messages${such}: it is not sharded. Publish with sharded: false what it is to receive`,
    );
  }
}

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
    .filter((route) => !isShard(route) && !route.key.atMasters)
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
