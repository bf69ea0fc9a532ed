import { InvalidChannelError, InvalidOptionError, shorten } from '../errors.js';
import {
  fromByteString,
  isSeparator,
  literalGlob,
  matchTokens,
  readGlobToken,
  toByteString,
  type GlobToken,
} from './glob.js';

/** The named parts of a channel, as a pattern with `:name` segments took them. */
export type ChannelParams = Readonly<Record<string, string>>;

/** `'channel'`: a literal name. `'pattern'`: a glob. */
export type PatternKind = 'channel' | 'pattern';

/** How Redis is told: SUBSCRIBE, PSUBSCRIBE, or SSUBSCRIBE, which needs a literal name. */
export type SubscriptionKind = PatternKind | 'shard';

/** How Redis is told of a literal name. */
export type LiteralKind = Exclude<SubscriptionKind, 'pattern'>;

/** All of them. */
export const LITERAL_KINDS: readonly LiteralKind[] = ['channel', 'shard'];

/** How Redis is told of a literal name that is sharded, or not. */
export function literalKind(isSharded: boolean): LiteralKind {
  return isSharded ? 'shard' : 'channel';
}

/** What a pattern is made of that is no literal. */
interface ParsedGlob {
  readonly tokens: readonly GlobToken[];
  /** Of the parameters. */
  readonly names: readonly string[];
}

const NO_PARAMS: ChannelParams = Object.freeze({});
const PARAM = /:([A-Za-z_]\w*)(?=[.:/]|$)/y;

/**
 * What a user writes in a decorator or hands to `observePattern`, parsed once: Redis' glob plus
 * `:name`, which takes one whole non-empty segment. Without either it is a literal.
 */
export class ChannelPattern {
  readonly #glob: ParsedGlob | undefined;

  private constructor(
    /** The pattern as the user wrote it. */
    readonly source: string,
    /** What Redis is told, without a prefix: a channel name, or a glob. */
    readonly name: string,
    glob?: ParsedGlob,
  ) {
    this.#glob = glob;
  }

  /** A channel name that means just itself. Throws {@link InvalidChannelError}. */
  static literal(channel: string): ChannelPattern {
    return new ChannelPattern(channel, assertChannel(channel));
  }

  /** Parses a pattern. Throws {@link InvalidChannelError}. */
  static parse(source: string): ChannelPattern {
    const { glob, literal, tokens, names } = readPattern(assertChannel(source));
    return literal === undefined
      ? new ChannelPattern(source, glob, { tokens, names })
      : new ChannelPattern(source, literal);
  }

  get kind(): PatternKind {
    return this.#glob ? 'pattern' : 'channel';
  }

  /** Whether Redis delivers more than the pattern means, so that {@link match} has to decide. */
  get hasParams(): boolean {
    return this.#glob !== undefined && this.#glob.names.length > 0;
  }

  /**
   * How Redis is told of it. Throws {@link InvalidOptionError} for a sharded glob: no sharded message
   * is delivered for a pattern.
   */
  subscriptionKind(isSharded: boolean): SubscriptionKind {
    if (!isSharded) return this.kind;
    if (this.kind === 'channel') return 'shard';
    throw new InvalidOptionError(
      'sharded',
      `false for the pattern "${shorten(this.source)}", since Redis matches no pattern with sharded messages`,
      true,
    );
  }

  /** The name to subscribe with `prefix` before it. */
  withPrefix(prefix: string): string {
    return (this.kind === 'pattern' ? literalGlob(prefix) : prefix) + this.name;
  }

  /**
   * The parameters of a channel that Redis delivered for this pattern, or `undefined` where the
   * pattern does not mean it: `user.:id` is subscribed as `user.*`, which also delivers `user.1.x`.
   */
  match(channel: string): ChannelParams | undefined {
    if (!this.#glob || this.#glob.names.length === 0) return NO_PARAMS;
    const { tokens, names } = this.#glob;
    const captures = matchTokens(tokens, toByteString(channel));
    if (!captures) return undefined;
    const entries = names.map((name, i) => [name, fromByteString(captures[i] ?? '')] as const);
    return Object.fromEntries(entries);
  }
}

/**
 * A literal channel name from a template and values: `buildChannel('user.:id.inbox', { id: 42 })`
 * is `user.42.inbox`. The safe way to put user text into a channel name.
 *
 * @throws InvalidOptionError for a value that is missing, empty, or would add a segment (has `.`, `:` or `/`),
 *   and for one that the template has no place for, which would leave a channel that others share
 * @throws InvalidChannelError for a template with a glob, which would not name one channel
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
  return assertChannel(channel);
}

/**
 * Escapes `* ? [ ] \ :` so that the text stands for itself inside a pattern, and names no parameter either.
 * For those who must build a pattern from user text; `publish`, `observe` and `subscribe` take literal
 * channels and need none.
 */
export function escapeGlob(text: string): string {
  const glob = literalGlob(text).replaceAll(':', String.raw`\:`);
  // After a colon that stands before it this would be the name of a parameter.
  return /^[A-Za-z_]/.test(glob) ? `\\${glob}` : glob;
}

/** Returns `channel` if Redis and this package can take it; throws {@link InvalidChannelError} if not. */
export function assertChannel(channel: unknown): string {
  if (typeof channel !== 'string') {
    throw new InvalidChannelError(`Expected a channel name to be a string, got ${typeof channel}`);
  }
  if (channel === '') throw new InvalidChannelError('Expected a channel name, got an empty string');
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

/** Walks a pattern part by part: literal bytes unescaped, parameters, glob tokens. */
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

function readPattern(pattern: string) {
  const parts = [...readParts(toByteString(pattern))];
  const names = parts.flatMap((part) => (part.kind === 'param' ? [part.name] : []));
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
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
    names,
  };
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
    throw new InvalidOptionError(
      name,
      'a value that is one segment (not empty, no ".", ":" or "/")',
      value,
    );
  }
  return text;
}
