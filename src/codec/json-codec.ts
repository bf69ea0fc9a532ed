import type { OutgoingMessage, PacketCodec } from './codec.js';

const REPLACEMENT = '\ufffd';

/**
 * JSON out; in, JSON where it is JSON, else the text, else (not UTF-8) the bytes as a `Buffer`:
 * whatever a foreign publisher sends reaches the handler whole.
 */
export const jsonCodec = {
  encode: toJson,

  /** Part by part: data that JSON has no form for is an error, and not a packet without data. */
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
    // Decoding never fails: it puts U+FFFD in the place of what is not UTF-8, and that is a loss.
    if (text.includes(REPLACEMENT) && !Buffer.from(text, 'utf8').equals(bytes)) return bytes;
    return parseOrText(text);
  },
} satisfies PacketCodec;

function toJson(value: unknown): string {
  const json = JSON.stringify(value) as string | undefined;
  if (json === undefined)
    throw new TypeError(`Expected data that JSON can hold, got ${typeof value}`);
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

/** Spares plain text the price of an exception per message; white space is left to the parser. */
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
