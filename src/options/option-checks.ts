import type { CredentialsProvider } from '../broker/connection/credentials.js';
import type { Codec } from '../codec/codec.js';
import { InvalidOptionError } from '../errors.js';
import { onlyAddress, withoutText } from '../shared/clean-error.js';

// Each check returns the value if it is valid. If not, it throws an `InvalidOptionError` that names the option.

/** The longest delay that a timer of Node takes. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** A number of milliseconds that a timer can take. */
export function checkMilliseconds(name: string, value: unknown, least = 0): number {
  const isDelay = typeof value === 'number' && value >= least && value <= MAX_DELAY_MS;
  if (!isDelay) {
    throw new InvalidOptionError(
      name,
      `milliseconds from ${least} to ${MAX_DELAY_MS}`,
      withoutText(value),
    );
  }
  return value;
}

/** An integer, or `Infinity`. */
export function checkCount(name: string, value: unknown, least: number): number {
  if (value === Infinity || (Number.isInteger(value) && Number(value) >= least))
    return Number(value);
  throw new InvalidOptionError(name, `an integer ≥ ${least}`, withoutText(value));
}

/** `true` or `false`. */
export function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new InvalidOptionError(name, 'true or false', withoutText(value));
}

/** One of the texts that are allowed. */
export function checkOneOf<const T extends string>(
  name: string,
  value: unknown,
  allowed: readonly T[],
): T {
  const found = allowed.find((it) => it === value);
  if (found !== undefined) return found;
  throw new InvalidOptionError(
    name,
    allowed.map((it) => `"${it}"`).join(' or '),
    onlyAddress(value),
  );
}

/** The first segment of the reserved channels. */
export function checkReservedSegment(name: string, segment: unknown): string {
  if (typeof segment === 'string' && /^[\w-]+$/.test(segment)) return segment;
  throw new InvalidOptionError(name, 'letters, digits, "_" or "-"', onlyAddress(segment));
}

/** Text that is not empty. */
export function checkName(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new InvalidOptionError(name, 'text that is not empty', withoutText(value));
}

/** Text that is added to channel names. */
export function checkPrefix(name: string, prefix: unknown): string {
  if (typeof prefix === 'string' && prefix.isWellFormed()) return prefix;
  throw new InvalidOptionError(name, 'a string of well-formed text', prefix);
}

/** An object with one function, such as Nest's `Serializer`. */
export function checkHook<Hook>(name: string, hook: unknown, method: string): Hook {
  const isHook =
    typeof hook === 'object' && hook !== null && typeof Reflect.get(hook, method) === 'function';
  if (isHook) return hook as Hook;
  throw new InvalidOptionError(name, `an object with the function "${method}"`, withoutText(hook));
}

/** The group of a handler. */
export interface HandlerGroup {
  readonly name: string;
  readonly withoutId: 'drop' | 'all';
}

const GROUP_NAME = /^[\w.:-]{1,64}$/;

/** The name of a group, or an object with it; `undefined` for none. */
export function checkGroup(name: string, value: unknown): HandlerGroup | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null) {
    return { name: checkGroupName(name, value), withoutId: 'drop' };
  }
  const unknown = Object.keys(value).find((key) => !['name', 'withoutId'].includes(key));
  if (unknown !== undefined) {
    throw new InvalidOptionError(name, 'an object with nothing but name and withoutId', unknown);
  }
  const { name: groupName, withoutId = 'drop' } = value as Record<string, unknown>;
  return {
    withoutId: checkOneOf(`${name}.withoutId`, withoutId, ['drop', 'all']),
    name: checkGroupName(`${name}.name`, groupName),
  };
}

function checkGroupName(name: string, value: unknown): string {
  if (typeof value === 'string' && GROUP_NAME.test(value)) return value;
  throw new InvalidOptionError(
    name,
    'a name of 1 to 64 letters, digits, ".", "_", "-" or ":"',
    onlyAddress(value),
  );
}

/** The name of a codec, or an object with its functions. */
export function checkCodec(name: string, codec: unknown): 'envelope' | 'json' | Codec {
  const isCodec =
    typeof codec === 'object' &&
    codec !== null &&
    ['encode', 'decode'].every((key) => typeof Reflect.get(codec, key) === 'function');
  if (isCodec) return codec as Codec;
  if (codec === 'envelope' || codec === 'json') return codec;
  throw new InvalidOptionError(
    name,
    '"envelope", "json" or an object with the functions "encode" and "decode"',
    onlyAddress(codec),
  );
}

/** Codecs that carry packets. */
export function checkAccepts(name: string, codecs: unknown): readonly ('envelope' | Codec)[] {
  if (!Array.isArray(codecs)) {
    throw new InvalidOptionError(name, 'an array of codecs', withoutText(codecs));
  }
  return codecs.map((it: unknown, at) => {
    const codec = checkCodec(`${name}[${at}]`, it);
    if (codec !== 'json' && (codec === 'envelope' || codec.envelope !== false)) return codec;
    throw new InvalidOptionError(`${name}[${at}]`, 'a codec with an envelope', withoutText(it));
  });
}

/** A function that returns credentials. */
export function checkCredentials(name: string, credentials: unknown): CredentialsProvider {
  if (typeof credentials === 'function') return credentials as CredentialsProvider;
  throw new InvalidOptionError(name, 'a function', withoutText(credentials));
}

/** A symbol, or a number of Nest's `Transport`. */
export function checkTransportId(name: string, transportId: unknown): symbol | number {
  if (typeof transportId === 'symbol' || typeof transportId === 'number') return transportId;
  throw new InvalidOptionError(name, 'a symbol or a Transport', withoutText(transportId));
}

/** How much may wait while the connection is lost. */
interface BufferLimits {
  readonly maxMessages: number;
  readonly maxAge: number;
  readonly maxBytes: number;
}

/** `false`, or the limits of the buffer; a limit that is not given has its default. */
export function checkPublishBuffer(
  name: string,
  value: unknown,
  defaults: BufferLimits,
): false | BufferLimits {
  if (value === false) return false;
  const { maxMessages, maxAge, maxBytes } = checkLimits(name, value, defaults, 'false or ');
  return {
    maxMessages: checkCount(`${name}.maxMessages`, maxMessages, 1),
    maxAge: checkMilliseconds(`${name}.maxAge`, maxAge, 1),
    maxBytes: checkCount(`${name}.maxBytes`, maxBytes, 1),
  };
}

/** How much may wait for the answers of Redis. */
type PublishLimits = Pick<BufferLimits, 'maxMessages' | 'maxBytes'>;

/** The limits for messages that Redis has not confirmed; a limit that is not given has its default. */
export function checkPublishLimit(
  name: string,
  value: unknown,
  defaults: PublishLimits,
): PublishLimits {
  const { maxMessages, maxBytes } = checkLimits(name, value, defaults);
  return {
    maxMessages: checkCount(`${name}.maxMessages`, maxMessages, 1),
    maxBytes: checkCount(`${name}.maxBytes`, maxBytes, 1),
  };
}

/** An object with no other fields than the defaults have, which take the place of those that are not given. */
function checkLimits<Limits extends object>(
  name: string,
  value: unknown,
  defaults: Limits,
  alternative = '',
): Limits {
  const names = Object.keys(defaults);
  const list = `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidOptionError(name, `${alternative}an object with ${list}`, withoutText(value));
  }
  const unknown = Object.keys(value).find((key) => !names.includes(key));
  if (unknown !== undefined) {
    throw new InvalidOptionError(name, `an object with nothing but ${list}`, unknown);
  }
  const given = Object.entries(value).filter(([, limit]) => limit !== undefined);
  return { ...defaults, ...(Object.fromEntries(given) as Partial<Limits>) };
}
