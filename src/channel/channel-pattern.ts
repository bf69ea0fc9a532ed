import { InvalidChannelError, InvalidOptionError, asBadRequest, shorten } from '../errors.js';
import {
  fromByteString,
  isSeparator,
  literalGlob,
  matchTokens,
  readGlobToken,
  toByteString,
  type GlobToken,
} from './glob.js';
import { tokensOverlap } from './overlap.js';
import type { PatternKind, SubscriptionKey, SubscriptionKind } from './subscription-key.js';

/** The values of the `:name` segments of a pattern in a channel. */
export type ChannelParams = Readonly<Record<string, string>>;

/** A pattern whose source is not the name that Redis receives. */
interface Parsed {
  /** What Redis receives, without a prefix: a channel name, or a glob. */
  readonly name: string;
  /** The tokens of a glob; `undefined` for a literal. */
  readonly tokens: readonly GlobToken[] | undefined;
  /** The names of the parameters. */
  readonly params: readonly string[];
}

/** The most characters of a channel name or a pattern. Work that grows with the length must have an end. */
const MAX_LENGTH = 131_072;

const NO_PARAMS: ChannelParams = Object.freeze({});
const NO_NAMES: readonly string[] = Object.freeze([]);
const PARAM = /:([A-Za-z_]\w*)(?=[.:/]|$)/y;

/**
 * A pattern as users write it in a decorator or pass it to `observePattern`, parsed once: Redis' glob, and
 * `:name`, which matches one whole segment that is not empty. Text without either is a literal.
 *
 * @see https://redis.io/docs/latest/commands/psubscribe/
 */
export class ChannelPattern {
  /** Absent where the source is the name: a process may hold half a million of those. */
  readonly #parsed: Parsed | undefined;

  private constructor(
    /** The pattern as the user wrote it. */
    readonly source: string,
    parsed?: Parsed,
  ) {
    this.#parsed = parsed;
  }

  /** A literal channel name, whatever characters it has. Throws {@link InvalidChannelError}. */
  static literal(channel: string): ChannelPattern {
    return new ChannelPattern(assertChannel(channel));
  }

  /** Parses a pattern. Throws {@link InvalidChannelError}. */
  static parse(source: string): ChannelPattern {
    const { glob, literal, tokens, params } = parseSource(assertChannel(source));
    if (literal === source) return new ChannelPattern(source);
    return literal === undefined
      ? new ChannelPattern(source, { name: glob, tokens, params })
      : new ChannelPattern(source, { name: literal, tokens: undefined, params });
  }

  get kind(): PatternKind {
    return this.#parsed?.tokens ? 'pattern' : 'channel';
  }

  /** What Redis receives, without a prefix: a channel name, or a glob. */
  get name(): string {
    return this.#parsed?.name ?? this.source;
  }

  /** The names of its `:name` segments, in their order. */
  get params(): readonly string[] {
    return this.#parsed?.params ?? NO_NAMES;
  }

  /** Whether Redis delivers more channels than the pattern matches, so that {@link match} decides. */
  get hasParams(): boolean {
    return this.params.length > 0;
  }

  /** The subscription for it. Throws {@link InvalidOptionError} for a sharded glob. */
  subscriptionKey(prefix: string, sharded: boolean): SubscriptionKey {
    return { kind: subscriptionKind(this, sharded), name: this.withPrefix(prefix) };
  }

  /** Whether a channel exists that both patterns match. Not known, and false, for very long patterns. */
  overlaps(other: ChannelPattern): boolean {
    return tokensOverlap(tokensOf(this, this.#parsed), tokensOf(other, other.#parsed));
  }

  /** The name or glob to subscribe to, with a prefix. */
  withPrefix(prefix: string): string {
    return (this.kind === 'pattern' ? literalGlob(prefix) : prefix) + this.name;
  }

  /**
   * The parameters of a channel that Redis delivered for this pattern, or `undefined` if the pattern
   * does not match it: `user.:id` is subscribed as `user.*`, for which Redis delivers `user.1.x`, too.
   */
  match(channel: string): ChannelParams | undefined {
    const parsed = this.#parsed;
    if (!parsed?.tokens || parsed.params.length === 0) return NO_PARAMS;
    return matchParsed(parsed.tokens, parsed.params, toByteString(channel));
  }

  /**
   * As {@link match}, for a name that Redis has not compared with the pattern. `bytes` is a byte string, as `glob.ts`
   * has it: the name may be no text.
   */
  matchBytes(bytes: string): ChannelParams | undefined {
    const { tokens, params } = this.#parsed ?? {};
    if (tokens && params) return matchParsed(tokens, params, bytes);
    return toByteString(this.name) === bytes ? NO_PARAMS : undefined;
  }
}

function matchParsed(
  tokens: readonly GlobToken[],
  params: readonly string[],
  bytes: string,
): ChannelParams | undefined {
  const captures = matchTokens(tokens, bytes);
  if (!captures) return undefined;
  const entries = params.map((name, i) => [name, fromByteString(captures[i] ?? '')] as const);
  return Object.fromEntries(entries);
}

function tokensOf({ name }: ChannelPattern, parsed?: Parsed): readonly GlobToken[] {
  return (
    parsed?.tokens ?? Array.from(toByteString(name), (byte) => ({ kind: 'byte', byte }) as const)
  );
}

/** Not a private method: V8 would add a mark for it to each of half a million patterns. */
function subscriptionKind({ kind, source }: ChannelPattern, sharded: boolean): SubscriptionKind {
  if (!sharded) return kind;
  if (kind === 'channel') return 'shard';
  throw new InvalidOptionError(
    'sharded',
    `false for the pattern "${shorten(source)}", since Redis has no patterns for shard channels`,
    true,
  );
}

/**
 * Builds a literal channel name from a template and values: `buildChannel('user.:id.inbox', { id: 42 })`
 * returns `user.42.inbox`. The safe way to put user text into a channel name. Text that may be anything goes
 * through `encodeSegment` first. Nest answers the error of a value with HTTP 400.
 *
 * @throws InvalidOptionError for a value that is missing or empty, or that would add a segment, since it has `.`, `:`
 * or `/`. Also for a value without a parameter in the template.
 * @throws InvalidChannelError for a template with a glob, and for values that make no valid name
 */
export function buildChannel(
  template: string,
  values: Readonly<Record<string, string | number | bigint>>,
): string {
  let channel = '';
  const unused = new Set(Object.keys(values));
  for (const part of readParts(assertChannel(template))) {
    if (part.kind === 'glob') {
      throw new InvalidChannelError(
        `Expected a template without a glob, got "${shorten(template)}"`,
      );
    }
    if (part.kind === 'text') channel += part.text;
    else {
      channel += segmentValue(part.name, values);
      unused.delete(part.name);
    }
  }
  for (const name of unused) {
    if (values[name] === undefined) continue;
    const expected = `a parameter of "${shorten(template)}", where ":name" begins a segment`;
    throw new InvalidOptionError(name, expected, values[name]);
  }
  return assertBuilt(channel);
}

/** The template was valid: what is wrong with the name comes from a value. */
function assertBuilt(channel: string): string {
  try {
    return assertChannel(channel);
  } catch (error) {
    throw error instanceof InvalidChannelError ? asBadRequest(error) : error;
  }
}

/**
 * Escapes `* ? [ ] \ :`, so that the text stands for itself inside a pattern. Only patterns that are built
 * from user text need it: `publish`, `observe` and `subscribe` take literal channels.
 */
export function escapeGlob(text: string): string {
  const glob = literalGlob(text).replaceAll(':', String.raw`\:`);
  // After a colon in the text before it this would be the name of a parameter.
  return /^[A-Za-z_]/.test(glob) ? `\\${glob}` : glob;
}

/** Returns `channel` if Redis and this package can take it; throws {@link InvalidChannelError} if not. */
export function assertChannel(channel: unknown): string {
  if (typeof channel !== 'string') {
    throw new InvalidChannelError(`Expected a channel name to be a string, got ${typeof channel}`);
  }
  if (channel === '') throw new InvalidChannelError('Expected a channel name, got an empty string');
  if (channel.length > MAX_LENGTH) {
    throw new InvalidChannelError(
      `Expected a channel name or pattern of at most ${MAX_LENGTH} characters, got ${channel.length} ("${shorten(channel)}")`,
    );
  }
  if (!channel.isWellFormed()) {
    throw new InvalidChannelError(
      `Expected a channel name of well-formed text, got a lone surrogate in "${shorten(channel.toWellFormed())}"`,
    );
  }
  return channel;
}

type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'param'; readonly name: string }
  | { readonly kind: 'glob'; readonly source: string; readonly token: GlobToken };

/** The parts of a pattern in their order: literal bytes without escapes, parameters, glob tokens. */
function* readParts(pattern: string): Generator<Part> {
  let isSegmentStart = true;
  for (let at = 0; at < pattern.length;) {
    const name = isSegmentStart ? paramAt(pattern, at) : undefined;
    if (name !== undefined) {
      yield { kind: 'param', name };
      at += 1 + name.length;
      isSegmentStart = false;
      continue;
    }
    const { token, next } = readGlobToken(pattern, at);
    isSegmentStart = token.kind === 'byte' && isSeparator(token.byte);
    yield token.kind === 'byte'
      ? { kind: 'text', text: token.byte }
      : { kind: 'glob', source: pattern.slice(at, next), token };
    at = next;
  }
}

function paramAt(pattern: string, at: number): string | undefined {
  PARAM.lastIndex = at;
  return PARAM.exec(pattern)?.[1];
}

function parseSource(pattern: string) {
  const parts = [...readParts(toByteString(pattern))];
  const params = parts.flatMap((part) => (part.kind === 'param' ? [part.name] : []));
  const repeated = firstRepeated(params);
  if (repeated !== undefined) {
    throw new InvalidChannelError(
      `Expected distinct parameters in "${shorten(pattern)}", got ":${repeated}" twice`,
    );
  }
  return {
    glob: fromByteString(parts.map(globOf).join('')),
    literal: parts.every((part) => part.kind === 'text')
      ? fromByteString(parts.map((part) => part.text).join(''))
      : undefined,
    tokens: parts.map(tokenOf),
    params,
  };
}

function firstRepeated(names: readonly string[]): string | undefined {
  const known = new Set<string>();
  return names.find((name) => known.size === known.add(name).size);
}

function globOf(part: Part): string {
  if (part.kind === 'text') return literalGlob(part.text);
  return part.kind === 'param' ? '*' : part.source;
}

function tokenOf(part: Part): GlobToken {
  if (part.kind === 'text') return { kind: 'byte', byte: part.text };
  return part.kind === 'param' ? { kind: 'segment' } : part.token;
}

function segmentValue(
  name: string,
  values: Readonly<Record<string, string | number | bigint>>,
): string {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  const isScalar =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint';
  const text = isScalar ? String(value) : '';
  if (text === '' || /[.:/]/.test(text)) {
    const expected =
      'a value that is one segment (not empty, no ".", ":" or "/"; encodeSegment makes one of any text)';
    throw asBadRequest(new InvalidOptionError(name, expected, value));
  }
  return text;
}
