import { InvalidChannelError, InvalidOptionError, asBadRequest, shorten } from '../errors.js';

const PLAIN = /^[\w-]+$/;
const NOT_PLAIN = /[^\w-]/gu;
/** The segment of the empty text: a segment must not be empty. */
const EMPTY = '%';
const ESCAPES = /(?:%[0-9A-F]{2})+/g;
/** A surrogate without its pair, encoded as UTF-8 encodes the characters before and after these. */
const SURROGATE = /%ED%[AB][0-9A-F]%[89AB][0-9A-F]/g;

/**
 * Encodes any text as one segment of a channel name, for example an e-mail address. Letters, digits, `_` and
 * `-` stay as they are. Other characters are percent-encoded as in a URL (`ada%40example%2Ecom`). The result
 * is never empty, a pattern or a parameter. {@link decodeSegment} reverses it for every text.
 *
 * @throws InvalidOptionError for a value that is neither text nor a number; Nest answers it with HTTP 400
 */
export function encodeSegment(value: string | number | bigint): string {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') {
    throw asBadRequest(new InvalidOptionError('segment', 'text or a number', value));
  }
  const text = String(value);
  if (PLAIN.test(text)) return text;
  return text === '' ? EMPTY : text.replace(NOT_PLAIN, escapeCharacter);
}

/**
 * Returns the text that {@link encodeSegment} encoded, for example of a `@ChannelParam`.
 *
 * @throws InvalidChannelError for a segment that it did not encode; Nest answers it with HTTP 400
 */
export function decodeSegment(segment: string): string {
  const text = textOf(segment);
  if (text !== undefined) return text;
  const got = typeof segment === 'string' ? `"${shorten(segment)}"` : typeof segment;
  throw asBadRequest(
    new InvalidChannelError(`Expected a segment that encodeSegment returned, got ${got}`),
  );
}

/** Only one segment stands for a text: with two of them one user would have two channels. */
function textOf(segment: unknown): string | undefined {
  if (typeof segment !== 'string') return undefined;
  const text = segment === EMPTY ? '' : unescapeAll(segment);
  return encodeSegment(text) === segment ? text : undefined;
}

function escapeCharacter(character: string): string {
  return [...bytesOf(character)]
    .map((byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`)
    .join('');
}

/** Node would replace a lone surrogate by U+FFFD. */
function bytesOf(character: string): Iterable<number> {
  if (character.isWellFormed()) return Buffer.from(character, 'utf8');
  const code = character.charCodeAt(0);
  return [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)];
}

function unescapeAll(segment: string): string {
  return segment.replace(SURROGATE, toSurrogate).replace(ESCAPES, toText);
}

function toSurrogate(escapes: string): string {
  const [first = 0, second = 0, third = 0] = bytesIn(escapes);
  return String.fromCharCode(((first & 0x0f) << 12) | ((second & 0x3f) << 6) | (third & 0x3f));
}

function toText(escapes: string): string {
  return bytesIn(escapes).toString('utf8');
}

function bytesIn(escapes: string): Buffer {
  return Buffer.from(escapes.replaceAll('%', ''), 'hex');
}
