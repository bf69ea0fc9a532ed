import type { Broker, Delivery } from '../broker/broker.js';
import type { ChannelParams, ChannelPattern } from '../channel/channel-pattern.js';
import type { SubscriptionKey } from '../channel/subscription-key.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { brandOf, brandValue } from '../shared/brand.js';

const SOURCE = brandOf('source');

/**
 * Messages that are none of the application's own: neither the prefix nor the codec of the bus is for them. All copies
 * of the package have this interface in common.
 */
export interface MessageSource {
  /** The pattern of the handler or observer, for logs, gaps and telemetry. */
  readonly pattern: ChannelPattern;
  readonly key: SubscriptionKey;
  /**
   * Called before each subscription, and after an outage: another server may send the messages then. Rejects if the
   * server is known not to have such messages.
   */
  prepare(isAfterOutage: boolean): Promise<void>;
  /** What a delivery says; `undefined` if it is not for the handler. Must not throw. */
  read(delivery: Delivery): SourceMessage | undefined;
}

/** A message of a {@link MessageSource}. */
export interface SourceMessage {
  readonly data: unknown;
  readonly params: ChannelParams;
  /** With `order` messages of one such name are handled one after the other. */
  readonly orderedBy: string;
}

/** What a source has of the bus that it belongs to. */
export interface SourceBus {
  readonly broker: Broker;
  readonly options: ResolvedOptions;
}

/** Creates the source of a handler; `pattern` is one of those in its decorator. Throws for a wrong one. */
export type CreateSource = (bus: SourceBus, pattern: string) => MessageSource;

/** The options of a handler whose messages come from a source. */
export function withSource<Extras extends object>(extras: Extras, create: CreateSource): Extras {
  return { ...extras, [SOURCE]: create };
}

/** What {@link withSource} has added to the options of a handler; `undefined` for a handler of channels. */
export function sourceIn(extras: unknown): CreateSource | undefined {
  return brandValue(extras, SOURCE) as CreateSource | undefined;
}
