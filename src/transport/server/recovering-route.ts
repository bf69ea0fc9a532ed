import type { MessageHandler } from '@nestjs/microservices';
import type { Delivery, PubSubGap, SubscriptionWaiter } from '../../broker/broker.js';
import type { ChannelPattern } from '../../channel/channel-pattern.js';
import { channelKindOf } from '../../channel/subscription-key.js';
import type { IncomingMessage } from '../../codec/codec.js';
import { InvalidOptionError } from '../../errors.js';
import { assertOneChannel } from '../../history/assert-one-channel.js';
import { Recovery, type RecoveryOutcome } from '../../history/recovery.js';
import { HandlerRoute, type RouteTarget } from './handler-route.js';

/** The handler of one channel, which also handles what was published during an outage. */
export class RecoveringRoute extends HandlerRoute {
  readonly #target: RouteTarget;
  #recovery: Recovery;
  /** Where it was when it was closed. */
  #since: string | undefined;
  /** When the last message was handled. */
  #handledAt = new Date();

  /** Throws for a pattern, for a request handler, and for a channel that cannot have a history. */
  constructor(pattern: ChannelPattern, handler: MessageHandler, target: RouteTarget) {
    super(pattern, handler, target);
    this.#target = target;
    assertRecoverable(this);
    target.bus.lists.keyOf(this.key.name, channelKindOf(this.key.kind));
    this.#recovery = this.#createRecovery();
  }

  override listen(waiter?: SubscriptionWaiter): void {
    const recovery = this.#begin();
    super.listen(
      waiter && {
        onSubscribed: () => {
          recovery.onSubscribed();
          waiter.onSubscribed();
        },
        onFailed: (error) => waiter.onFailed(error),
      },
    );
    // Without a waiter, only an acknowledgement that is still to come would be told, as the end of an outage.
    if (!waiter && this.bus.broker.isSubscribed(this.key)) recovery.onSubscribed();
  }

  override whenListening(): Promise<void> {
    return new Promise((onSubscribed, onFailed) => this.listen({ onSubscribed, onFailed }));
  }

  override close(isDelayed?: boolean): void {
    this.#since = this.#recovery.positionAt(this.bus.broker.lastDeliveryAt);
    this.#recovery.close();
    super.close(isDelayed);
  }

  override onResubscribed(gap: PubSubGap): void {
    this.countGap();
    this.#recovery.onSubscribed(gap);
  }

  protected override onMessage(message: IncomingMessage, _: string, delivery: Delivery): void {
    this.#recovery.onMessage(message, delivery);
  }

  /** A server that listens again goes on where it was. */
  #begin(): Recovery {
    this.#recovery.close();
    this.#recovery = this.#createRecovery(this.#since);
    return this.#recovery;
  }

  #createRecovery(since?: string): Recovery {
    const { name: channel } = this.pattern;
    const kind = channelKindOf(this.key.kind);
    const of = { channel, kind, subscription: this.key, since };
    return new Recovery(this.bus.history, of, {
      onOutcome: (outcome) => this.#onOutcome(outcome),
      onMessage: (message, delivery) => {
        this.#handledAt = new Date();
        super.onMessage(message, channel, delivery);
      },
    });
  }

  #onOutcome({ gap, recovered, isRepair }: RecoveryOutcome): void {
    if (gap) this.#target.onGap(this, { ...gap, recovered });
    else if (isRepair) {
      this.#target.onGap(this, { from: this.#handledAt, to: new Date(), recovered });
    }
  }
}

function assertRecoverable({ pattern, replies }: HandlerRoute): void {
  assertOneChannel(pattern);
  if (replies) throw new InvalidOptionError('recover', 'absent for a request handler', true);
}
