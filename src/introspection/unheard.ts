import { matchTokens, parseGlob, toByteString } from '../channel/glob.js';
import type { UnheardChannel } from './inspector-types.js';
import type { InstanceInfo } from './instance-types.js';
import type { InstanceUnheard, InstanceUnheardChannel } from './read-answer.js';

/** Joins what instances have told of one channel. */
export function mergeUnheard(answers: readonly InstanceUnheard[]): UnheardChannel[] {
  const merged = new Map<string, UnheardChannel>();
  for (const { name, channels } of answers) {
    for (const found of channels) {
      const key = `${found.kind} ${found.channel}`;
      merged.set(key, join(merged.get(key), found, name));
    }
  }
  return [...merged.values()].toSorted((one, other) => other.messages - one.messages);
}

function join(
  known: UnheardChannel | undefined,
  { channel, kind, messages, lastAt, isCertain }: InstanceUnheardChannel,
  publisher: string,
): UnheardChannel {
  const publishers = new Set([...(known?.publishers ?? []), publisher]);
  const latest = known && known.lastAt > lastAt ? known.lastAt : lastAt;
  return {
    channel,
    kind,
    messages: messages + (known?.messages ?? 0),
    lastAt: latest,
    publishers: [...publishers].toSorted(),
    isCertain: isCertain && (known?.isCertain ?? true),
  };
}

/** Leaves out the uncertain channels that have a subscriber, or that a glob of an instance matches. */
export function withoutHeard(
  channels: readonly UnheardChannel[],
  subscribers: ReadonlyMap<string, number>,
  instances: readonly InstanceInfo[],
): UnheardChannel[] {
  const prefixes = new Set(instances.map(({ prefix }) => prefix));
  const globs = new Set(instances.flatMap(({ access }) => access.globs));
  const tokens = [...globs].map((glob) => parseGlob(glob));
  const isMatched = (channel: string): boolean =>
    [...prefixes].some((prefix) => {
      const name = toByteString(prefix + channel);
      return tokens.some((glob) => matchTokens(glob, name) !== undefined);
    });
  return channels.filter(
    ({ channel, isCertain }) =>
      isCertain || !((subscribers.get(channel) ?? 0) > 0 || isMatched(channel)),
  );
}
