import type { ConsumerDeserializer } from '@nestjs/microservices';
import type { ChannelPattern } from '../../channel/channel-pattern.js';
import type { IncomingMessage, MessageCodec } from '../../codec/codec.js';
import { toMessage } from '../../codec/envelope-codec.js';
import { RedisPubSubContext } from '../redis-pubsub.context.js';

/** What a handler is given. */
export interface Handled {
  readonly message: IncomingMessage;
  readonly context: RedisPubSubContext;
}

/** What Nest's own hook over incoming packets makes of a payload. Rejects with what the codec or the hook fails with. */
export async function deserialize(
  deserializer: ConsumerDeserializer,
  codec: MessageCodec,
  payload: Buffer,
  { pattern, context }: { readonly pattern: ChannelPattern; readonly context: RedisPubSubContext },
): Promise<Handled> {
  const channel = context.getChannel();
  const packet: unknown = await deserializer.deserialize(codec.decodeValue(payload), { channel });
  const message = toMessage({ ...(packet as object) });
  return {
    message,
    context: new RedisPubSubContext(channel, message.metadata, pattern, context.getParams()),
  };
}
