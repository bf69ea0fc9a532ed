import { Server, type MsPattern } from '@nestjs/microservices';
import type { Codec, MessageCodec } from '../codec/codec.js';
import { BareCodec, EnvelopeCodec } from '../codec/envelope-codec.js';
import { jsonCodec } from '../codec/json-codec.js';
import { synchronous } from '../codec/synchronous.js';
import type { ResolvedOptions } from '../options/options.js';

/** Nest's normalisation of patterns, which it offers to transports only by inheritance. */
export function normalizePattern(pattern: unknown): string {
  const nest = Server.prototype as unknown as { normalizePattern(pattern: MsPattern): string };
  return nest.normalizePattern(pattern as MsPattern);
}

/** The codec that the options ask for. */
export function createCodec({ codec, prefix }: ResolvedOptions): MessageCodec {
  if (codec === 'json') return new BareCodec(jsonCodec);
  if (codec === 'envelope') return new EnvelopeCodec(jsonCodec, normalizePattern, prefix);
  const values = withoutPromises(codec);
  return codec.envelope === false
    ? new BareCodec(values)
    : new EnvelopeCodec(values, normalizePattern, prefix);
}

/** A codec of the user's, with errors for functions that are asynchronous. */
function withoutPromises(codec: Codec): Codec {
  return {
    encode: (value) => synchronous('encode', codec.encode(value)),
    decode: (payload) => synchronous('decode', codec.decode(payload)),
  };
}
