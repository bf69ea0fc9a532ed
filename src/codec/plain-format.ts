import { jsonCodec } from './json-codec.js';

/** How one message is sent without a packet: `'json'`, or `'text'`, which is a string or bytes as they are. */
export type PlainFormat = 'json' | 'text';

/** All formats, for checks. */
export const PLAIN_FORMATS: readonly PlainFormat[] = ['json', 'text'];

/** The payload of bare data. Throws a `TypeError` for data that the format cannot represent. */
export function encodePlain(format: PlainFormat, data: unknown): string | Uint8Array {
  if (format === 'json') return jsonCodec.encode(data);
  if (data instanceof Uint8Array) return data;
  if (typeof data !== 'string') {
    throw new TypeError(`Expected a string or bytes for the format "text", got ${typeof data}`);
  }
  // UTF-8 has no lone surrogates: a reader would get another text, without an error.
  if (!data.isWellFormed()) throw new TypeError('Expected well-formed text, got a lone surrogate');
  return data;
}
