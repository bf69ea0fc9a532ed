import type { Logger } from '@nestjs/common';
import type { ConsumerDeserializer, Serializer } from '@nestjs/microservices';
import type { PubSubGap } from '../../telemetry.js';
import type { HandlerRoute } from './handler-route.js';
import type { MessageBus } from '../message-bus.js';
import type { RedisPubSubContext } from '../redis-pubsub.context.js';

/** Nest's processing hooks, where somebody has set them. An asynchronous function fits their types too. */
export interface ProcessingHooks {
  onStart?: (context: RedisPubSubContext, done: () => Promise<void>) => unknown;
  onEnd?: (context: RedisPubSubContext) => unknown;
}

export interface DispatcherOptions {
  readonly bus: MessageBus;
  readonly logger: Pick<Logger, 'error' | 'warn'>;
  readonly hooks: ProcessingHooks;
  /** A handler hears again after an outage. */
  readonly onGap: (route: HandlerRoute, gap: PubSubGap) => void;
  readonly serializer: Serializer | undefined;
  readonly deserializer: ConsumerDeserializer | undefined;
}
