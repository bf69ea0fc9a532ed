import type { PubSubGap } from '../broker/broker.js';
import type { HistoryLimits } from '../options/options.js';
import type { PubSubLoss, PubSubMessage, PubSubRecovery } from './message-observer.js';

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

  /**
   * How much Redis keeps of the channel. With `false`, it does not keep this message.
   *
   * @defaultValue the `history` of the record, or what the option `history` of the module says of the channel
   */
  readonly history?: HistoryLimits | false;
}

/** Options of `RedisPubSubService.observeEvents`. */
export interface ObserveEventsOptions extends Pick<
  RecoverOptions,
  'sharded' | 'mode' | 'onSubscribed'
> {
  /**
   * The header `Last-Event-ID` of the request: what followed that event comes first. Any text is valid.
   *
   * @defaultValue none
   */
  readonly lastEventId?: string | undefined;
}

/** What of a history `RedisPubSubService.history` returns. */
export interface HistoryQuery {
  /**
   * The position of the last message that the caller has: only what followed it is returned. Any text is valid, such as
   * that of a header: what is no position is one that the history does not have.
   *
   * @defaultValue the beginning of the history
   */
  readonly since?: string | undefined;

  /**
   * The most messages: with `since` the first ones after it, and the last ones without.
   *
   * @defaultValue `Infinity`
   */
  readonly limit?: number;

  /**
   * Whether the channel is sharded.
   *
   * @defaultValue the `sharded` of the module
   */
  readonly sharded?: boolean;
}

/** What Redis has kept of a channel. */
export interface PubSubHistory<T = unknown> {
  /** In the order in which they were published. */
  readonly messages: readonly PubSubMessage<T>[];
  /** Whether these are all messages after `since`, up to the `limit`. `false` without `since`. If not, there are none. */
  readonly recovered: boolean;
  /**
   * The position behind the last of these messages; without them, behind the last message of the channel. `undefined`
   * where the user of Redis may not call INFO.
   */
  readonly position: string | undefined;
}

/** Options of an observer that recovers what it missed. */
export interface RecoverOptions {
  /**
   * Whether the observer receives what was published while it was away, before the next message. It receives all messages
   * with history, each once and in order, or none of them: `onSubscribed` tells. Others arrive as they come.
   */
  readonly recover: true;

  /**
   * The position of the last message that the caller has, such as the header `Last-Event-ID`. What followed it is
   * received first. Any text is valid: what is no position is not recovered.
   *
   * @defaultValue none: begins with the next message
   */
  readonly since?: string | undefined;

  /**
   * With `'last'`, the observer receives the newest message of the channel at once, and those that follow. After an
   * outage it receives the newest one only. One that it has received may come again, and `since` is not needed.
   *
   * @defaultValue `'all'`
   */
  readonly mode?: 'all' | 'last';

  /**
   * Whether the channel is sharded (SSUBSCRIBE).
   *
   * @defaultValue the `sharded` of the module
   */
  readonly sharded?: boolean;

  /**
   * Called after each acknowledgement, before the messages that were missed. Also when single messages did not arrive
   * and cannot be recovered. Unless `recovered` is `true`, load the state that the messages are about. It may be
   * asynchronous; an error that it throws, or rejects with, is logged.
   *
   * @defaultValue none
   */
  readonly onSubscribed?: (outcome: PubSubRecovery) => unknown;
}

/** Options of an observer. */
export interface ObserveOptions {
  /**
   * Whether the observer recovers what it missed; see {@link RecoverOptions}.
   *
   * @defaultValue `false`
   */
  readonly recover?: false;

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
