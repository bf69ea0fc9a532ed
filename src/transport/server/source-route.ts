import type { MessageHandler } from '@nestjs/microservices';
import type { Delivery, PubSubGap, SubscriptionWaiter } from '../../broker/broker.js';
import type { IncomingMessage } from '../../codec/codec.js';
import type { MessageSource, SourceMessage } from '../message-source.js';
import { readFrom } from '../read-from.js';
import { RedisPubSubContext } from '../redis-pubsub.context.js';
import { HandlerRoute, type RouteTarget } from './handler-route.js';

/** A handler whose messages come from a {@link MessageSource}. */
export class SourceRoute extends HandlerRoute {
  readonly #source: MessageSource;
  readonly #onUnusable: (error: unknown) => void;

  /** `onUnusable` is called when the server turns out to have no such messages, and no caller waits. */
  constructor(
    source: MessageSource,
    handler: MessageHandler,
    target: RouteTarget,
    onUnusable: (error: unknown) => void,
  ) {
    super(source.pattern, handler, target, source.key);
    this.#source = source;
    this.#onUnusable = onUnusable;
  }

  override get isDecoded(): boolean {
    return false;
  }

  override listen(waiter?: SubscriptionWaiter): void {
    this.#prepare(false);
    super.listen(waiter);
  }

  override async whenListening(): Promise<void> {
    await this.#source.prepare(false);
    await super.whenListening();
  }

  override onDelivery(delivery: Delivery): void {
    const message = readFrom(this.#source, this.bus, delivery);
    if (!message) return;
    const { channel } = delivery;
    const context = new RedisPubSubContext(channel, {}, this.pattern, message.params);
    this.handle(message, context, delivery);
  }

  override onResubscribed(gap: PubSubGap): void {
    this.#prepare(true);
    super.onResubscribed(gap);
  }

  protected override orderedBy(message: IncomingMessage): string {
    return (message as SourceMessage).orderedBy;
  }

  #prepare(isAfterOutage: boolean): void {
    this.#source.prepare(isAfterOutage).catch(this.#onUnusable);
  }
}
