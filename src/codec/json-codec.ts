import { ownBytes } from '../shared/own-bytes.js';
import type { OutgoingMessage, PacketCodec } from './codec.js';

const REPLACEMENT = '\ufffd';

/**
 * Encodes to JSON. Decodes JSON; a payload that is not JSON to its text, and one that is not UTF-8 to its
 * bytes as a `Buffer`. So every payload of a foreign publisher reaches the handler as a whole.
 */
export const jsonCodec = {
  encode: toJson,

  /** Encodes each part: data that JSON cannot represent is an error, and not a packet without data. */
  encodePacket({ pattern, data, id, metadata, replyTo }: OutgoingMessage): string {
    let json = `{"pattern":${toJson(pattern)},"data":${toJson(data)}`;
    if (id !== undefined) json += `,"id":${toJson(id)}`;
    if (metadata !== undefined) json += `,"metadata":${toJson(metadata)}`;
    if (replyTo !== undefined) json += `,"replyTo":${toJson(replyTo)}`;
    return `${json}}`;
  },

  joinTexts(texts: readonly string[]): string {
    const [first] = texts;
    if (first !== undefined && texts.length === 1 && !first.startsWith('[')) return first;
    return `[${texts.join(',')}]`;
  },

  decode(payload: Uint8Array): unknown {
    const bytes = Buffer.isBuffer(payload) ? payload : Buffer.from(payload);
    const text = bytes.toString();
    // Node replaces bytes that are not UTF-8 by U+FFFD, without an error. The original would be lost.
    if (text.includes(REPLACEMENT) && !Buffer.from(text, 'utf8').equals(bytes)) {
      return ownBytes(bytes);
    }
    return parseOrText(text);
  },
} satisfies PacketCodec;

function toJson(value: unknown): string {
  const json = JSON.stringify(value) as string | undefined;
  if (json === undefined)
    throw new TypeError(`Expected data that JSON can represent, got ${typeof value}`);
  return json;
}

function parseOrText(text: string): unknown {
  if (!startsLikeJson(text)) return text;
  try {
    return JSON.parse(text);
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
