import type { PubSubGap } from '../broker/broker.js';
import type { PubSubLoss, PubSubMessage } from './message-observer.js';

/** How `RedisPubSubService.publish` publishes. */
export interface PublishingOptions {
  /**
   * Whether the channel is sharded (SPUBLISH).
   *
   * @defaultValue the `sharded` of the record, or of the module
   */
  readonly sharded?: boolean;

  /**
   * The form of the bare data, for readers in other languages. With `'json'`: JSON. With `'text'`: a string, or
   * bytes, as they are. It overrides the `codec`. Such a message has no headers. `prefix` and `maxPayloadBytes` apply.
   *
   * @defaultValue the `format` of the record, or as the `codec` of the module says
   */
  readonly format?: 'json' | 'text';
}

/** Options of an observer. */
export interface ObserveOptions {
  /**
   * Whether the channel is sharded (SSUBSCRIBE). A pattern cannot be sharded.
   *
   * @defaultValue the `sharded` of the module
   */
  readonly sharded?: boolean;

  /**
   * Called when Redis has acknowledged the subscription. From then on every message arrives. The first call has
   * no gap. A call after an outage has the time in which messages may have been lost. Load the state that the messages
   * are about at each call. It may be asynchronous; an error that it throws, or rejects with, is logged.
   *
   * @defaultValue none
   */
  readonly onSubscribed?: (gap?: PubSubGap) => unknown;

  /**
   * Called when a message arrives that its publisher sent after others, which did not arrive. It is called before that
   * message. Losses before the first message of a publisher on a channel, and after its last one, are not known. It may
   * be asynchronous; an error that it throws, or rejects with, is logged.
   *
   * @defaultValue none
   */
  readonly onLost?: (lost: PubSubLoss) => unknown;
}

/** Options of `RedisPubSubService.observeKeyEvent`. */
export interface ObserveKeyEventOptions extends Pick<ObserveOptions, 'onSubscribed'> {
  /**
   * The number of the database whose keys are meant. The `db` of the connection does not matter.
   *
   * @defaultValue `0`
   */
  readonly database?: number;
}

/** Options of `RedisPubSubService.observeKeys`. */
export interface ObserveKeysOptions extends ObserveKeyEventOptions {
  /**
   * The names of the events, such as `['set', 'del']`. They are compared in this process.
   *
   * @defaultValue all events that Redis reports
   */
  readonly events?: readonly string[];

  /**
   * The name or the glob of a field: each change of such a field of a hash is then a notification. Needs Redis 8.8.
   *
   * @defaultValue none
   */
  readonly field?: string;
}

/** A subscription of `RedisPubSubService.subscribe`. */
export interface PubSubSubscription {
  readonly pattern: string;
  /** Ends it: the handler is not called any more. Idempotent. */
  unsubscribe(): void;
}

/** Handles a message of `RedisPubSubService.subscribe`. An error that it throws, or rejects with, is logged. */
export type PubSubHandler<T> = (message: PubSubMessage<T>) => unknown;
