import type { Observable, Observer } from 'rxjs';
import type { Delivery, PubSubGap } from '../broker/broker.js';
import { NO_HEADERS } from '../codec/codec.js';
import type { MessageSource } from '../transport/message-source.js';
import { readFrom } from '../transport/read-from.js';
import { isHandlerTraced, type TracedMessage } from '../transport/trace-handler.js';
import { completeSoon, LeanObservable } from './lean-observable.js';
import {
  MessageObserver,
  type Observation,
  type ObserverScope,
  type PubSubMessage,
} from './message-observer.js';

/** Passes the messages of a {@link MessageSource} to a destination. */
class SourceObserver extends MessageObserver {
  readonly #source: MessageSource;

  constructor(
    scope: ObserverScope,
    source: MessageSource,
    onSubscribed: Observation['onSubscribed'],
    destination: Observer<unknown>,
  ) {
    const { pattern, key } = source;
    // Redis numbers no notifications: losses cannot be counted.
    super(scope, { pattern, key, onSubscribed, onLost: undefined }, destination);
    this.#source = source;
  }

  /** Subscribes when the source is prepared, unless it is closed by then. */
  override open(): void {
    this.addToScope();
    this.#prepare(false, () => this.listen(this));
  }

  #prepare(isAfterOutage: boolean, onPrepared: () => void): void {
    this.#source.prepare(isAfterOutage).then(
      () => this.isOpen && onPrepared(),
      (error: unknown) => this.isOpen && this.onFailed(error),
    );
  }

  override onDelivery(delivery: Delivery): void {
    const read = readFrom(this.#source, this.bus, delivery);
    if (!read) return;
    // What is passed on is not looked at.
    const message = read.data as PubSubMessage;
    if (isHandlerTraced()) this.passTraced(message, delivery);
    else this.pass(message);
  }

  protected override traced(_message: PubSubMessage, delivery: Delivery): TracedMessage {
    const { name: transport } = this.bus.options;
    return { transport, pattern: this.pattern.source, headers: NO_HEADERS, delivery };
  }

  override onResubscribed(gap: PubSubGap): void {
    this.#prepare(true, () => undefined);
    super.onResubscribed(gap);
  }
}

/** How a {@link MessageSource} is observed. */
export interface SourceObservation extends Pick<Observation, 'onSubscribed'> {
  readonly scope: ObserverScope;
  /** Whether the application has closed, so that an observer completes. */
  readonly isOver: () => boolean;
}

/** A cold Observable of the messages of a source. */
export function observeSource<T>(
  source: MessageSource,
  { scope, onSubscribed, isOver }: SourceObservation,
): Observable<T> {
  return new LeanObservable<T>((destination) => {
    if (isOver()) return completeSoon(destination);
    const observer = new SourceObserver(
      scope,
      source,
      onSubscribed,
      destination as Observer<unknown>,
    );
    observer.open();
    return observer;
  });
}
