import { ChunkPayload } from '../../src/shared/payload.js';

/** A payload of text, or of bytes. */
export function payloadOf(content: string | Uint8Array): ChunkPayload {
  return new ChunkPayload(Buffer.from(content as Uint8Array));
}
