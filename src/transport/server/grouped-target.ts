import type { Logger } from '@nestjs/common';
import type { Delivery, PubSubGap } from '../../broker/broker.js';
import type { IncomingMessage } from '../../codec/codec.js';
import { InvalidOptionError, messageOf, shorten } from '../../errors.js';
import { ClaimKeys, type ClaimKey } from '../../groups/claim-keys.js';
import { GroupClaims, MAX_AGE_MS } from '../../groups/group-claims.js';
import type { HandlerGroup } from '../../options/option-checks.js';
import { RateLimitedLog } from '../../shared/rate-limited-log.js';
import { telemetry } from '../../telemetry.js';
import type { MessageBus } from '../message-bus.js';
import type { RedisPubSubContext } from '../redis-pubsub.context.js';
import type { HandlerQueue, QueueDropReason } from './handler-queue.js';
import type { HandlerRoute, RouteTarget } from './handler-route.js';

/** The age of messages is known to one interval. */
const MAX_PING_INTERVAL_MS = 60_000;

const SECOND_MS = 1_000;

/**
 * Runs the handler of a group for the messages that it is the first to claim. A message is claimed when its handler is
 * about to start, so that members share the messages by their speed.
 */
export class GroupedTarget implements RouteTarget {
  readonly #target: RouteTarget;
  readonly #group: HandlerGroup;
  readonly #keys: ClaimKeys;
  readonly #claims: GroupClaims;
  /** No message that waits is older than that. */
  readonly #since = new WeakMap<Delivery, number>();
  readonly #logger: RateLimitedLog;

  /** Throws `InvalidOptionError` where messages have no ids, or their age is not known. */
  constructor(target: RouteTarget, group: HandlerGroup, logger: Pick<Logger, 'error'>) {
    const { broker, codec, options } = target.bus;
    if (!codec.hasEnvelope) {
      throw new InvalidOptionError('group', 'absent where the codec has no place for ids', group);
    }
    if (options.pingInterval > MAX_PING_INTERVAL_MS) {
      const expected = `at most ${MAX_PING_INTERVAL_MS} for a handler with "group"`;
      throw new InvalidOptionError('pingInterval', expected, options.pingInterval);
    }
    this.#target = target;
    this.#group = group;
    const { prefix, reservedSegment } = options;
    this.#keys = new ClaimKeys(`${prefix}${reservedSegment}.claim.${group.name}.`);
    this.#claims = new GroupClaims(broker);
    this.#logger = new RateLimitedLog(
      (line) => logger.error(line),
      (count) => `The group "${group.name}" dropped ${count} more messages`,
    );
  }

  get bus(): MessageBus {
    return this.#target.bus;
  }

  async run(
    route: HandlerRoute,
    message: IncomingMessage,
    context: RedisPubSubContext,
    delivery: Delivery,
  ): Promise<unknown> {
    const key = this.#keys.of(delivery.channel, message);
    if (!key) return this.#runWithoutId(route, message, context, delivery);
    if (Date.now() - this.#sinceOf(delivery) > MAX_AGE_MS) return this.#dropLate(delivery);
    this.#target.onWaiting(delivery);
    const release = this.#target.hold();
    const isWon = await this.#claim(key, route, delivery);
    // The target counts it from here on.
    const outcome = isWon ? this.#target.run(route, message, context, delivery) : undefined;
    release();
    return outcome;
  }

  onWaiting(delivery: Delivery): void {
    this.#since.set(delivery, this.#sinceOf(delivery));
    this.#target.onWaiting(delivery);
  }

  onDrop(route: HandlerRoute, channel: string, reason: QueueDropReason | 'unmatched'): void {
    this.#target.onDrop(route, channel, reason);
  }

  onGap(route: HandlerRoute, gap: PubSubGap): void {
    this.#target.onGap(route, gap);
  }

  onQueue(queue: HandlerQueue): void {
    this.#target.onQueue(queue);
  }

  hold(): () => void {
    return this.#target.hold();
  }

  #sinceOf(delivery: Delivery): number {
    const known = this.#since.get(delivery);
    if (known !== undefined) return known;
    const { kind, subscription: name } = delivery;
    return this.bus.broker.lastAnswered({ kind, name })?.getTime() ?? Infinity;
  }

  async #claim(
    key: ClaimKey,
    { pattern: { source: pattern } }: HandlerRoute,
    delivery: Delivery,
  ): Promise<boolean> {
    try {
      const isWon = await this.#claims.take(key);
      if (telemetry.claim.hasSubscribers) {
        const { name: transport } = this.bus.options;
        const { channel } = delivery;
        const { name: group } = this.#group;
        telemetry.claim.publish({ transport, channel, pattern, group, isWon });
      }
      return isWon;
    } catch (error) {
      this.bus.reader.reportDrop(delivery.channel, 'unclaimed', error);
      this.#logger.add(
        () =>
          `The group "${this.#group.name}" dropped a message on "${shorten(delivery.channel)}" that it could not claim: ${messageOf(error)}`,
      );
      return false;
    }
  }

  #runWithoutId(
    route: HandlerRoute,
    message: IncomingMessage,
    context: RedisPubSubContext,
    delivery: Delivery,
  ): Promise<unknown> | undefined {
    if (this.#group.withoutId === 'all') return this.#target.run(route, message, context, delivery);
    this.bus.reader.reportDrop(delivery.channel, 'no-id');
    this.#logger.add(
      () =>
        `The group "${this.#group.name}" dropped a message on "${shorten(delivery.channel)}" that has no id. Let its publisher send ids, or set withoutId to "all"`,
    );
    return undefined;
  }

  #dropLate(delivery: Delivery): undefined {
    this.bus.reader.reportDrop(delivery.channel, 'late');
    this.#logger.add(
      () =>
        `The group "${this.#group.name}" dropped a message on "${shorten(delivery.channel)}" that may be more than ${MAX_AGE_MS / SECOND_MS} seconds old: another member may have handled it`,
    );
    return undefined;
  }
}
