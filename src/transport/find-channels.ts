import type { ChannelPattern } from '../channel/channel-pattern.js';
import { literalGlob } from '../channel/glob.js';
import type { ChannelKind } from '../channel/subscription-key.js';
import type { ExtensibleBus } from './bus-extensions.js';

/** The channels with subscribers that a pattern matches, by their names without the prefix; see `Broker#channels`. */
export async function findChannels(
  { broker, options: { prefix }, reserved }: Pick<ExtensibleBus, 'broker' | 'options' | 'reserved'>,
  pattern: ChannelPattern,
  kind: ChannelKind,
): Promise<string[]> {
  const name = pattern.withPrefix(prefix);
  const glob = pattern.kind === 'pattern' ? name : literalGlob(name);
  const names = await broker.channels(glob, kind);
  return names
    .filter((found) => !reserved.has(found))
    .map((found) => found.slice(prefix.length))
    .filter((channel) => pattern.match(channel));
}
