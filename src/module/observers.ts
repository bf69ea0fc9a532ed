import type { Observable } from 'rxjs';
import type { ChannelPattern } from '../channel/channel-pattern.js';
import { channelKindOf } from '../channel/subscription-key.js';
import { ClosedError, InvalidOptionError, messageOf, shorten, textOf } from '../errors.js';
import type { KeyNotification } from '../keyspace/key-notification.js';
import type { KeySelectionOptions } from '../keyspace/key-selection.js';
import { KeySource } from '../keyspace/key-source.js';
import { checkBoolean } from '../options/option-checks.js';
import { forEachSafely } from '../shared/for-each-safely.js';
import { RateLimitedLog } from '../shared/rate-limited-log.js';
import { InFlight } from '../transport/in-flight.js';
import type { MessageBus } from '../transport/message-bus.js';
import type { Failure } from '../transport/redis-pubsub.context.js';
import { completeSoon, LeanObservable } from './lean-observable.js';
import {
  HandlerObserver,
  type HandlerDestination,
  MessageObserver,
  type Observation,
  type ObserverScope,
  type PubSubMessage,
} from './message-observer.js';
import { ObserverCallbacks } from './observer-callbacks.js';
import type {
  ObserveKeyEventOptions,
  ObserveOptions,
  PubSubHandler,
  PubSubSubscription,
  RecoverOptions,
} from './service-options.js';
import { readRecovery, RecoveringObserver, type RecoveryMode } from './recovering-observer.js';
import { observeSource } from './source-observer.js';

/** Options of an observer of any kind. */
export type AnyObserveOptions = ObserveOptions | RecoverOptions;

type Observed = Observation & { readonly recovery: RecoveryMode | undefined };

/** The observers of a service, and what they share. */
export class Observers {
  readonly #bus: MessageBus;
  readonly #scope: ObserverScope;
  readonly #inFlight = new InFlight();
  readonly #failures: RateLimitedLog;
  readonly #callbacks: ObserverCallbacks;
  readonly #thrown: RateLimitedLog;
  #isDrained = false;

  constructor(bus: MessageBus, logger: { readonly error: (line: string) => void }) {
    this.#bus = bus;
    this.#scope = { bus, observers: new Set() };
    bus.record.observers.add(this.#scope.observers);
    this.#callbacks = new ObserverCallbacks(logger);
    this.#failures = new RateLimitedLog(
      (line) => logger.error(line),
      (count) => `${count} more messages failed`,
    );
    this.#thrown = new RateLimitedLog(
      (line) => logger.error(line),
      (count) => `${count} more observers threw`,
    );
  }

  /** See `RedisPubSubService#observe`. */
  observe<T>(pattern: ChannelPattern, options?: AnyObserveOptions): Observable<PubSubMessage<T>> {
    const observation = this.#observation(pattern, options);
    return new LeanObservable<PubSubMessage>((destination) => {
      if (this.#isDrained) return completeSoon(destination);
      const { recovery } = observation;
      const observer = recovery
        ? new RecoveringObserver(this.#scope, { ...observation, ...recovery }, destination)
        : new MessageObserver(this.#scope, observation, destination);
      observer.open();
      return observer;
    }) as Observable<PubSubMessage<T>>;
  }

  /** See `RedisPubSubService#observeKeys`. */
  observeKeys(
    selection: KeySelectionOptions,
    options: ObserveKeyEventOptions,
  ): Observable<KeyNotification> {
    const source = new KeySource(this.#bus, selection);
    const { pattern } = source;
    const onSubscribed = this.#callbacks.safely(
      'onSubscribed',
      pattern,
      options.onSubscribed as Observation['onSubscribed'],
    );
    const isOver = (): boolean => this.#isDrained;
    return observeSource<KeyNotification>(source, { scope: this.#scope, onSubscribed, isOver });
  }

  /** See `RedisPubSubService#subscribe`. */
  async subscribe<T>(
    pattern: ChannelPattern,
    handler: PubSubHandler<T>,
    options?: AnyObserveOptions,
  ): Promise<PubSubSubscription> {
    if (typeof handler !== 'function') {
      throw new InvalidOptionError('handler', 'a function', handler);
    }
    const observation = this.#observation(pattern, options);
    const early = this.#bus.startEarly();
    if (early) await early;
    if (this.#isDrained) throw new ClosedError();
    return new Promise((resolve, reject) => {
      const onSubscribed: Observation['onSubscribed'] = (told) => {
        observation.onSubscribed?.(told);
        resolve({ pattern: pattern.source, unsubscribe: () => observer.unsubscribe() });
      };
      const observed = { ...observation, onSubscribed };
      const observer = this.#handlerObserver(observed, {
        run: (message) => this.#run(handler as PubSubHandler<unknown>, message),
        error: (error) => {
          observer.unsubscribe();
          reject(error as Error);
        },
        complete: () => observer.unsubscribe(),
      });
      observer.open();
    });
  }

  /** See `RedisPubSubService#drain`. */
  async drain(): Promise<void> {
    this.#isDrained = true;
    forEachSafely(
      this.#scope.observers,
      (observer) => observer.complete(),
      (error, { pattern: { source } }) =>
        this.#thrown.add(() => `An observer of "${shorten(source)}" threw: ${messageOf(error)}`),
    );
    await this.#inFlight.idle(this.#bus.options.shutdownTimeout);
  }

  #handlerObserver(
    { recovery, ...observation }: Observed,
    destination: HandlerDestination,
  ): MessageObserver {
    if (!recovery) return new HandlerObserver(this.#scope, observation, destination);
    const { run } = destination;
    const next = (message: PubSubMessage): void => void run(message);
    const observed = { ...observation, ...recovery };
    return new RecoveringObserver(this.#scope, observed, { ...destination, next }, run);
  }

  /** Throws for a pattern that cannot be observed, and for wrong options. */
  #observation(pattern: ChannelPattern, options: AnyObserveOptions = {}): Observed {
    assertNoGroup(options);
    const recovery = readRecovery(pattern, options);
    const onSubscribed = this.#callbacks.safely(
      'onSubscribed',
      pattern,
      options.onSubscribed as Observation['onSubscribed'],
    );
    const onLost = options.recover
      ? undefined
      : this.#callbacks.safely('onLost', pattern, options.onLost);
    const { prefix, sharded: byDefault } = this.#bus.options;
    const { sharded = byDefault } = options;
    const key = pattern.subscriptionKey(prefix, checkBoolean('sharded', sharded));
    if (recovery) this.#bus.lists.keyOf(key.name, channelKindOf(key.kind));
    return { pattern, key, onSubscribed, onLost, recovery };
  }

  async #run(
    handler: PubSubHandler<unknown>,
    message: PubSubMessage,
  ): Promise<Failure | undefined> {
    this.#inFlight.begin();
    try {
      await handler(message);
    } catch (error) {
      this.#failures.add(
        () => `A message on "${shorten(message.channel)}" failed: ${textOf(error)}`,
      );
      return { error };
    } finally {
      this.#inFlight.end();
    }
    return undefined;
  }
}

/** Each observer would handle each message, although the application expects that one of them does. */
function assertNoGroup(options: object): void {
  const { group } = options as { readonly group?: unknown };
  if (group === undefined) return;
  throw new InvalidOptionError('group', 'absent: only a handler, as of @Subscribe, has one', group);
}
