import type { ConsumerDeserializer } from '@nestjs/microservices';
import type { IncomingMessage, MessageCodec } from '../codec/codec.js';
import { toMessage } from '../codec/envelope-codec.js';

/** What Nest's own hook over incoming packets makes of a message. Rejects with what the codec or the hook fails with. */
export async function deserialize(
  deserializer: ConsumerDeserializer,
  codec: MessageCodec,
  channel: string,
  payload: Buffer,
): Promise<IncomingMessage> {
  const value = codec.decodeValue(payload);
  return toMessage({ ...(await deserializer.deserialize(value, { channel })) });
}
