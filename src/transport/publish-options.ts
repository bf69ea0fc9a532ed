import type { Serializer } from '@nestjs/microservices';
import type { MessageId } from '../codec/codec.js';

/** How a message is published. */
export interface PublishOptions {
  /** To a shard channel. */
  readonly isSharded: boolean;
  /** Nest's own hook: what it makes of the message is sent instead. */
  readonly serializer?: Serializer | undefined;
}

/** What tells a request from all others. */
export interface RequestKey {
  readonly id: MessageId;
  readonly replyTo: string;
}
