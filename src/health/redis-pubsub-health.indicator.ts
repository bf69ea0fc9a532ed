import type { MessageBus } from '../transport/message-bus.js';
import type { RedisPubSubStatus } from '../transport/transport-events.js';

/** The connections of a module at this moment. */
export interface RedisPubSubHealth {
  /** As the `status` of `RedisPubSubService`. Only `connected` promises that messages arrive. */
  readonly status: RedisPubSubStatus | 'connecting';

  /** When the status became this one. */
  readonly since: Date;

  /**
   * The last time at which the subscriber is known to have delivered: every message that Redis sent before it has
   * arrived. A `PubSubGap` begins at this time. The answers to PING and the delivery probes say so, and no message is
   * needed. While all works, it is not much older than `pingInterval` or `probeInterval`. `undefined` before the first
   * connection.
   */
  readonly lastDeliveryAt: Date | undefined;

  /**
   * The number of channels and patterns that this module listens to. It includes those of the package: the delivery
   * probe, and the channels of replies and cancellations.
   */
  readonly subscriptions: number;

  /** When the status became `starving`, until it is `connected` again. */
  readonly starvingSince?: Date;
}

/** How {@link RedisPubSubHealthIndicator.isHealthy} judges. */
export interface RedisPubSubHealthOptions<Degraded extends boolean = boolean> {
  /**
   * How long an outage may last before the result is `down`, in milliseconds. It counts from the last moment at which the
   * status was `connected`, and only while the status is `reconnecting`. `NaN` counts as 0.
   *
   * @defaultValue `0`
   */
  readonly grace?: number;

  /**
   * Whether the result within `grace` is `degraded`, which needs Terminus 12: Terminus 11 leaves such a result out.
   * Without it, the result is `up` with `impaired: true`.
   *
   * @defaultValue `false`
   */
  readonly degraded?: Degraded;
}

/** The result of {@link RedisPubSubHealthIndicator.isHealthy} below its key: the `status` of Terminus, and the details. */
export interface RedisPubSubHealthDetails<Degraded extends boolean = boolean> extends Omit<
  RedisPubSubHealth,
  'status'
> {
  /** The status of Terminus. `degraded` only where that was asked for. */
  readonly status: 'up' | 'down' | (Degraded extends true ? 'degraded' : never);
  /** The status of the module. */
  readonly connection: RedisPubSubHealth['status'];
  /** Whether an outage began less than `grace` ago. */
  readonly impaired?: true;
}

/**
 * Reports whether a module receives and can publish, for a readiness endpoint. Each `RedisPubSubModule` provides and
 * exports one. It asks Redis nothing: heartbeats and delivery probes keep the status true. No method of it throws.
 *
 * @see https://docs.nestjs.com/recipes/terminus
 */
export class RedisPubSubHealthIndicator {
  readonly #bus: MessageBus;
  #status: RedisPubSubHealth['status'];
  #since = new Date();
  /** When the status was `connected` last, in milliseconds of the monotonic clock: a change of the time must not move the grace. */
  #connectedUntilMs = -Infinity;
  #starvingSince: Date | undefined;

  /** @internal */
  constructor(bus: MessageBus) {
    this.#bus = bus;
    this.#status = bus.broker.status;
    bus.broker.onStatus((status) => this.#onStatus(status));
  }

  /** The status, since when it is so, and what is known of deliveries. Costs no question to Redis; never throws. */
  check(): RedisPubSubHealth {
    const { lastDeliveryAt, subscriptions } = this.#bus.broker;
    const starvingSince = this.#starvingSince;
    return {
      status: this.#status,
      since: this.#since,
      lastDeliveryAt,
      subscriptions,
      ...(starvingSince && { starvingSince }),
    };
  }

  /**
   * The result for Terminus 11 and 12: `up` while the status is `connected`, else `down`. An outage of less than `grace`
   * is `up` with `impaired: true`, or `degraded`. There is no grace while the status is `starving`, or while it
   * reconnects for that reason. There is none before the first connection, and when no further attempt will be made.
   * Never throws.
   *
   * @param key - The name in the answer of Terminus. Default: `'redis-pubsub'`.
   */
  isHealthy<Key extends string = 'redis-pubsub', Degraded extends boolean = false>(
    key = 'redis-pubsub' as Key,
    { grace = 0, degraded }: RedisPubSubHealthOptions<Degraded> = {},
  ): Record<Key, RedisPubSubHealthDetails<Degraded>> {
    const { status: connection, ...details } = this.check();
    const verdict = this.#verdict(grace, degraded === true);
    return { [key]: { ...verdict, connection, ...details } } as never;
  }

  #verdict(
    graceMs: number,
    isDegraded: boolean,
  ): Pick<RedisPubSubHealthDetails, 'status' | 'impaired'> {
    if (this.#status === 'connected') return { status: 'up' };
    if (!this.#isWithin(graceMs)) return { status: 'down' };
    return isDegraded ? { status: 'degraded' } : { status: 'up', impaired: true };
  }

  /** Whether an outage began less than this time ago, and may end by itself. */
  #isWithin(graceMs: number): boolean {
    const isOutage = this.#status === 'reconnecting' && !this.#starvingSince;
    return isOutage && performance.now() - this.#connectedUntilMs < graceMs;
  }

  #onStatus(status: RedisPubSubHealth['status']): void {
    const now = new Date();
    if (this.#status === 'connected') this.#connectedUntilMs = performance.now();
    if (status === 'starving') this.#starvingSince ??= now;
    // A starving subscriber is `reconnecting` while it is replaced.
    else if (status !== 'reconnecting') this.#starvingSince = undefined;
    this.#status = status;
    this.#since = now;
  }
}
