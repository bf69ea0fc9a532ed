import type { MessageList } from '../broker/broker.js';
import { ChannelPattern } from '../channel/channel-pattern.js';
import { toByteString } from '../channel/glob.js';
import type { ChannelKind } from '../channel/subscription-key.js';
import type { OutgoingMessage } from '../codec/codec.js';
import { asBadRequest, InvalidChannelError, InvalidOptionError, shorten } from '../errors.js';
import type { HistoryLimits } from '../options/options.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { ClockMap, type ClockEntry } from '../shared/clock-map.js';

/** How many channels are remembered with their limits. */
const MAX_CHANNELS = 10_000;

interface KnownChannel extends ClockEntry {
  readonly limits: HistoryLimits | undefined;
}

/** How a message is published. */
interface KeptOptions {
  readonly kind: ChannelKind;
  readonly history?: HistoryLimits | false | undefined;
  readonly format?: unknown;
  readonly serializer?: unknown;
}

/** Which list of Redis has the history of a channel, and how much it keeps. */
export class ChannelLists {
  readonly #rules: readonly { readonly pattern: ChannelPattern; readonly limits: HistoryLimits }[];
  readonly #start: Readonly<Record<ChannelKind, string>>;
  readonly #known = new ClockMap<KnownChannel>(MAX_CHANNELS);

  constructor({ history, reservedSegment }: Pick<ResolvedOptions, 'history' | 'reservedSegment'>) {
    this.#rules = Object.entries(history ?? {}).map(([pattern, limits]) => ({
      pattern: ChannelPattern.parse(pattern),
      limits,
    }));
    this.#start = {
      channel: `${reservedSegment}.history`,
      shard: `${reservedSegment}.history.shard`,
    };
  }

  /** Whether the option `history` has no channels. */
  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** What the option `history` says of a channel, which is without the prefix. The first pattern that matches decides. */
  limitsOf(channel: string): HistoryLimits | undefined {
    if (this.isEmpty) return undefined;
    const known = this.#known.get(channel);
    if (known) return known.limits;
    const bytes = toByteString(channel);
    const limits = this.#rules.find(({ pattern }) => pattern.matchBytes(bytes))?.limits;
    this.#known.add(channel, { limits, isRecent: false });
    return limits;
  }

  /**
   * The list that keeps a message; none for requests, which are answered at once or not at all. `name` is Redis' name.
   * Throws `InvalidOptionError` for a message without an id, and as {@link keyOf}.
   */
  listFor(
    channel: string,
    name: string,
    message: OutgoingMessage,
    options: KeptOptions,
  ): MessageList | undefined {
    const { kind, history } = options;
    if (history === undefined && this.isEmpty) return undefined;
    const limits = history ?? this.limitsOf(channel);
    if (!limits || message.id !== undefined) return undefined;
    assertHasId(channel, options);
    return { key: this.keyOf(name, kind), size: limits.size, ttlMs: limits.ttl };
  }

  /**
   * The key of the list of a channel, by Redis' name. It is in the slot of the channel: a Cluster publishes and writes
   * at one node then. Throws `InvalidChannelError` for a name that has no such key.
   */
  keyOf(name: string, kind: ChannelKind): string {
    return this.#start[kind] + tagged(name);
  }
}

/** Bare data, and what a hook of the application encodes, has no place for an id. */
function assertHasId(channel: string, { format, serializer }: KeptOptions): void {
  if (format === undefined && serializer === undefined) return;
  const expected = `absent for "${shorten(channel)}", which has history`;
  const name = format === undefined ? 'serializer' : 'format';
  throw new InvalidOptionError(name, expected, format ?? serializer);
}

/**
 * The rest of a key, whose slot is that of a name. Redis takes the slot from what is in the first braces. The name may
 * have its own; without, it must not have the character that would end the braces around it.
 */
function tagged(name: string): string {
  const open = name.indexOf('{');
  const close = open === -1 ? -1 : name.indexOf('}', open + 1);
  // Not the same key as that of another name with braces around it.
  if (close > open + 1) return `.tagged:${name}`;
  if (!name.includes('}')) return `:{${name}}`;
  throw asBadRequest(
    new InvalidChannelError(
      `Expected a channel with history to have no "}" outside a hash tag, got "${shorten(name)}"`,
    ),
  );
}
