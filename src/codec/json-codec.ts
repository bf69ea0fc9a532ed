import type { Payload } from '../shared/payload.js';
import type { OutgoingMessage, PacketCodec } from './codec.js';
import { findUnsendable, isSendable } from './unsendable.js';

const REPLACEMENT = '\ufffd';

/**
 * Encodes to JSON. Decodes JSON; a payload that is not JSON to its text, and one that is not UTF-8 to its
 * bytes as a `Buffer`. So every payload of a foreign publisher reaches the handler as a whole. A number that
 * JavaScript would print in another way, such as `007`, `1.0` or an id of 19 digits, stays text.
 */
export const jsonCodec = {
  /** Throws a `TypeError` that names the part of the data which JSON has no form for, such as a `Map`. */
  encode: (data: unknown) => toJson(data, 'data'),

  encodeFields: (fields: unknown) => toJson(fields, ''),

  /** Encodes each part: data that JSON has no form for is an error, and not a packet without data. */
  beginPacket({ pattern, data, id, metadata, replyTo }: OutgoingMessage): string {
    let json = `{"pattern":${toJson(pattern, 'pattern')},"data":${toJson(data, 'data')}`;
    if (id !== undefined) json += `,"id":${toJson(id, 'id')}`;
    if (metadata !== undefined) json += `,"metadata":${toJson(metadata, 'metadata')}`;
    if (replyTo !== undefined) json += `,"replyTo":${toJson(replyTo, 'replyTo')}`;
    return json;
  },

  joinTexts(texts: readonly string[]): string {
    const [first] = texts;
    if (first !== undefined && texts.length === 1 && !first.startsWith('[')) return first;
    return `[${texts.join(',')}]`;
  },

  decode(payload: Payload): unknown {
    const text = payload.text();
    // Node replaces bytes that are not UTF-8 by U+FFFD, without an error. The original would be lost.
    if (text.includes(REPLACEMENT)) {
      const bytes = payload.bytes();
      if (!Buffer.from(text, 'utf8').equals(bytes)) return bytes;
    }
    return parseOrText(text);
  },
} satisfies PacketCodec;

/** The text of a packet that `beginPacket` returned, with its message id. An id of this package needs no escapes. */
export function endPacket(begun: string, messageId?: string): string {
  return messageId === undefined ? `${begun}}` : `${begun},"mid":"${messageId}"}`;
}

/** `root` names the value in errors. */
function toJson(value: unknown, root: string): string {
  if (typeof value === 'string') return JSON.stringify(value);
  let json: string | undefined;
  try {
    json = JSON.stringify(value) as string | undefined;
  } catch (error) {
    // Not as the cause: it may quote the data, as the error of a `toJSON` does that parses JSON.
    throw unsendable(value, root, error instanceof RangeError ? 'nested too deeply' : typeof value);
  }
  if (json === undefined || !isSendable(value)) throw unsendable(value, root, typeof value);
  return json;
}

/** `otherwise` is what is wrong with a value whose parts all have a form. */
function unsendable(value: unknown, root: string, otherwise: string): TypeError {
  const part = findUnsendable(value, root) ?? `${root}: ${otherwise}`;
  return new TypeError(`JSON has no form for ${part}`);
}

function parseOrText(text: string): unknown {
  if (!startsLikeJson(text)) return text;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'number' && String(value) !== text ? text : value;
  } catch {
    return text;
  }
}

/** Saves an exception for each message of plain text. The parser decides on white space. */
function startsLikeJson(text: string): boolean {
  const code = text.charCodeAt(0);
  return (
    code === 0x7b || // {
    code === 0x5b || // [
    code === 0x22 || // "
    code === 0x2d || // -
    (code >= 0x30 && code <= 0x39) || // 0-9
    code === 0x74 || // true
    code === 0x66 || // false
    code === 0x6e || // null
    code <= 0x20
  );
}
