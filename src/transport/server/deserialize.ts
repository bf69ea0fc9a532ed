import type { ConsumerDeserializer } from '@nestjs/microservices';
import type { ChannelPattern } from '../../channel/channel-pattern.js';
import type { IncomingMessage, MessageCodec } from '../../codec/codec.js';
import { toMessage } from '../../codec/envelope-codec.js';
import { RedisPubSubContext } from '../redis-pubsub.context.js';

/** A message, and its context. */
export interface Deserialized {
  readonly message: IncomingMessage;
  readonly context: RedisPubSubContext;
}

/** Reads a payload with Nest's hook for incoming packets. Rejects with the error of the codec or of the hook. */
export async function deserialize(
  deserializer: ConsumerDeserializer,
  codec: MessageCodec,
  payload: Buffer,
  { pattern, context }: { readonly pattern: ChannelPattern; readonly context: RedisPubSubContext },
): Promise<Deserialized> {
  const channel = context.getChannel();
  const packet: unknown = await deserializer.deserialize(codec.decodeValue(payload), { channel });
  const message = toMessage({ ...(packet as object) });
  return {
    message,
    context: new RedisPubSubContext(channel, message.metadata, pattern, context.getParams()),
  };
}
