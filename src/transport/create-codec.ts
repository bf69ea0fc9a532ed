import type { Codec, MessageCodec, PacketCodec } from '../codec/codec.js';
import { BareCodec, EnvelopeCodec } from '../codec/envelope-codec.js';
import { jsonCodec } from '../codec/json-codec.js';
import { synchronous } from '../codec/synchronous.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { normalizePattern } from './nest-internals.js';

/** Creates the codec for the options `codec`, `accepts` and `prefix`. */
export function createCodec({
  codec,
  accepts,
  prefix,
}: Pick<ResolvedOptions, 'codec' | 'accepts' | 'prefix'>): MessageCodec {
  if (codec === 'json') return new BareCodec(jsonCodec);
  const values = accepts.length === 0 ? valuesOf(codec) : withAccepted(codec, accepts);
  return codec !== 'envelope' && codec.envelope === false
    ? new BareCodec(values)
    : new EnvelopeCodec(values, normalizePattern, prefix);
}

type GivenCodec = 'envelope' | Codec;

function valuesOf(codec: GivenCodec): PacketCodec {
  return codec === 'envelope' ? jsonCodec : guarded(codec);
}

/** Encodes as `codec` does. A payload is decoded by the codec that recognises it, or by the one that cannot tell. */
function withAccepted(codec: GivenCodec, accepts: readonly GivenCodec[]): PacketCodec {
  const readerOf = (it: GivenCodec) => ({
    values: valuesOf(it),
    recognizes: it === 'envelope' ? undefined : it.recognizes?.bind(it),
  });
  const own = readerOf(codec);
  const readers = [own, ...accepts.map(readerOf)];
  const others = readers.find(({ recognizes }) => !recognizes) ?? own;
  return {
    ...own.values,
    decode(payload) {
      const bytes = payload.bytes();
      const reader = readers.find(({ recognizes }) => recognizes?.(bytes)) ?? others;
      return reader.values.decode(payload);
    },
  };
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
