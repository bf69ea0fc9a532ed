import type { Logger } from '@nestjs/common';
import type { Broker, DeliveryListener } from '../broker/broker.js';
import type { ChannelPattern } from '../channel/channel-pattern.js';
import {
  channelKind,
  type ChannelKind,
  type SubscriptionKey,
} from '../channel/subscription-key.js';
import { shorten } from '../errors.js';
import { RateLimitedLog } from '../shared/rate-limited-log.js';
import type { ReservedChannels } from './reserved-channels.js';

/** The most channels that are warned about: they may be built from the ids of users. */
const MAX_WARNINGS = 100;
/** How many messages without a receiver are looked into each second. */
const MAX_CHECKS_PER_SECOND = 100;
const SECOND_MS = 1_000;

/** A bus, as far as it is needed here. */
interface ListeningBus {
  readonly broker: Pick<Broker, 'listenersOf' | 'countsReceivers'>;
  readonly options: { readonly prefix: string };
  readonly reserved: Pick<ReservedChannels, 'has'>;
}

/** A handler or an observer: what `BusListener` has. */
interface PatternListener extends DeliveryListener {
  readonly pattern: ChannelPattern;
  readonly key: SubscriptionKey;
  readonly replies: boolean;
}

/** The handlers and observers of this bus that a message reaches. `channel` is without the prefix. */
export function listenersOf(
  bus: ListeningBus,
  channel: string,
  kind: ChannelKind,
): PatternListener[] {
  return bus.broker
    .listenersOf(bus.options.prefix + channel, kind)
    .filter((it): it is PatternListener => 'pattern' in it)
    .filter(({ pattern }) => pattern.match(channel) !== undefined);
}

/** Logs a warning, once for each channel, where a message reached none and this process listens to the other kind. */
export class MissedMessages {
  readonly #bus: ListeningBus;
  readonly #log: RateLimitedLog;
  readonly #known = new Set<string>();
  #second = 0;
  #checks = 0;

  constructor(bus: ListeningBus, logger: Pick<Logger, 'warn'>) {
    this.#bus = bus;
    this.#log = new RateLimitedLog(
      (line) => logger.warn(line),
      (count) => `${count} more channels had no subscriber of the kind of their messages`,
    );
  }

  /** A message reached no subscription that its answer counts. Runs for every such message; never throws. */
  check(name: string, kind: ChannelKind): void {
    if (this.#known.size >= MAX_WARNINGS || this.#known.has(name) || !this.#hasTime()) return;
    const { broker, options, reserved } = this.#bus;
    // In a Cluster the answer to PUBLISH counts the subscriptions at one node.
    if (reserved.has(name) || !broker.countsReceivers(kind)) return;
    const isSharded = kind === 'shard';
    const channel = name.slice(options.prefix.length);
    if (listenersOf(this.#bus, channel, channelKind(!isSharded)).length === 0) return;
    // The subscription of this kind may be a moment from its acknowledgement.
    if (listenersOf(this.#bus, channel, kind).length > 0) return;
    this.#known.add(name);
    const [sent, handled] = isSharded ? ['sharded', 'not sharded'] : ['not sharded', 'sharded'];
    this.#log.add(
      () =>
        `A message on "${shorten(channel)}" had no subscriber: it was ${sent}, and the handler or observer in this process is ${handled}. Publish with sharded: ${!isSharded}, or change the handler`,
    );
  }

  #hasTime(): boolean {
    const now = performance.now();
    if (now - this.#second >= SECOND_MS) {
      this.#second = now;
      this.#checks = 0;
    }
    return ++this.#checks <= MAX_CHECKS_PER_SECOND;
  }
}
