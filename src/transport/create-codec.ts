import type { Codec, MessageCodec, PacketCodec } from '../codec/codec.js';
import { BareCodec, EnvelopeCodec } from '../codec/envelope-codec.js';
import { jsonCodec } from '../codec/json-codec.js';
import { synchronous } from '../codec/synchronous.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { normalizePattern } from './nest-internals.js';

/** Creates the codec for the options `codec` and `prefix`. */
export function createCodec({
  codec,
  prefix,
}: Pick<ResolvedOptions, 'codec' | 'prefix'>): MessageCodec {
  if (codec === 'json') return new BareCodec(jsonCodec);
  if (codec === 'envelope') return new EnvelopeCodec(jsonCodec, normalizePattern, prefix);
  const values = guarded(codec);
  return codec.envelope === false
    ? new BareCodec(values)
    : new EnvelopeCodec(values, normalizePattern, prefix);
}

/** A user's codec, whose asynchronous functions are errors. What it decodes may have views of the bytes. */
function guarded(codec: Codec): PacketCodec {
  return {
    encode: (value) => checkPayload(synchronous('encode', codec.encode(value))),
    decode: (payload) => synchronous('decode', codec.decode(payload.bytes())),
  };
}

function checkPayload(payload: unknown): string | Uint8Array {
  if (typeof payload === 'string' || payload instanceof Uint8Array) return payload;
  throw new TypeError(`Expected the codec to give text or bytes, got ${typeof payload}`);
}
