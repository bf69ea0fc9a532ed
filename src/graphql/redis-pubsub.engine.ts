import type { PubSubEngine } from 'graphql-subscriptions';
import { merge, type Observable } from 'rxjs';
import { ConnectionError, InvalidOptionError, shorten } from '../errors.js';
import type { PubSubLoss, PubSubMessage } from '../module/message-observer.js';
import type { RedisPubSubService } from '../module/redis-pubsub.service.js';
import type { ObserveOptions, PubSubSubscription } from '../module/service-options.js';
import { withoutText } from '../shared/clean-error.js';
import { RateLimitedLog } from '../shared/rate-limited-log.js';
import { OutsideLogger } from '../transport/outside-logger.js';
import { BoundedIterator } from './bounded-iterator.js';
import {
  resolveEngineOptions,
  type MissedMessages,
  type RedisPubSubEngineOptions,
  type ResolvedEngineOptions,
  type TriggerOptions,
} from './engine-options.js';

/** What a {@link RedisPubSubEngine} uses of `RedisPubSubService`. */
export type ServiceOfEngine = Pick<
  RedisPubSubService,
  'observe' | 'observePattern' | 'publish' | 'subscribe' | 'subscribePattern'
>;

declare const anyEngine: PubSubEngine;

/** The iterator of each engine. Its class is not exported. */
type EngineIterator<T> = ReturnType<typeof anyEngine.asyncIterableIterator<T>>;

/**
 * The engine of GraphQL subscriptions over the connections of a module. A trigger is a channel. All iterators of a channel
 * in this process share one subscription in Redis. An iterator subscribes with its first `next`, and completes with the
 * application.
 *
 * @see https://docs.nestjs.com/graphql/subscriptions
 */
export class RedisPubSubEngine implements PubSubEngine {
  readonly #service: ServiceOfEngine;
  readonly #options: RedisPubSubEngineOptions;
  readonly #subscriptions = new Map<number, PubSubSubscription>();
  readonly #logger = new OutsideLogger('RedisPubSubEngine');
  readonly #overflows = new RateLimitedLog(
    (line) => this.#logger.warn(line),
    (count) => `Dropped ${count} more messages of GraphQL subscriptions`,
  );
  #lastId = 0;

  /**
   * @param service - The `RedisPubSubService` of the module.
   * @param options - The options of all iterators.
   * @throws InvalidOptionError for a wrong option
   */
  constructor(service: ServiceOfEngine, options: RedisPubSubEngineOptions = {}) {
    if (typeof service?.observePattern !== 'function') {
      throw new InvalidOptionError('service', 'a RedisPubSubService', withoutText(service));
    }
    resolveEngineOptions(options);
    this.#service = service;
    this.#options = options;
  }

  /** Publishes a payload to a channel. Resolves when Redis has taken it, and rejects as `RedisPubSubService.publish`. */
  async publish(trigger: string, payload: unknown): Promise<void> {
    const { sharded } = this.#options;
    await this.#service.publish(trigger, payload, sharded === undefined ? {} : { sharded });
  }

  /**
   * Calls `onMessage` with each payload. Resolves to a number for {@link RedisPubSubEngine.unsubscribe} on Redis'
   * acknowledgement. Rejects as `RedisPubSubService.subscribe`. What `onMessage` throws, or rejects with, is logged.
   */
  async subscribe(
    trigger: string,
    onMessage: (payload: never) => unknown,
    options: TriggerOptions = {},
  ): Promise<number> {
    const { pattern, sharded } = resolveEngineOptions({ ...this.#options, ...options });
    if (typeof onMessage !== 'function') {
      throw new InvalidOptionError('onMessage', 'a function', onMessage);
    }
    const handler = ({ data }: PubSubMessage): unknown => onMessage(data as never);
    const others = sharded === undefined ? {} : { sharded };
    const subscription = pattern
      ? await this.#service.subscribePattern(trigger, handler, others)
      : await this.#service.subscribe(trigger, handler, others);
    this.#subscriptions.set(++this.#lastId, subscription);
    return this.#lastId;
  }

  /** Ends a subscription. Does nothing for a number that is not one. */
  unsubscribe(id: number): void {
    this.#subscriptions.get(id)?.unsubscribe();
    this.#subscriptions.delete(id);
  }

  /**
   * Returns an iterator of the payloads of one or several channels. Its `next` rejects with `CommandRefusedError` when Redis
   * refuses the subscription. All iterators get the same object: copy it before you change it.
   *
   * @param options - Those that differ from the options of the engine.
   * @throws InvalidChannelError for a channel that is not valid, InvalidOptionError for a wrong option
   */
  asyncIterableIterator<T>(
    triggers: string | readonly string[],
    options: RedisPubSubEngineOptions = {},
  ): EngineIterator<T> {
    const names = typeof triggers === 'string' ? [triggers] : triggers;
    const resolved = resolveEngineOptions({ ...this.#options, ...options });
    const messages$ = merge(
      ...names.map((name) =>
        this.#observe(name, resolved, (it) => onMissed(iterator, it, resolved)),
      ),
    );
    const iterator: BoundedIterator<T> = new BoundedIterator<T>({
      ...resolved,
      open: () => {
        const subscription = messages$.subscribe({
          next: ({ data }) => iterator.push(data as T),
          error: (error: unknown) => iterator.end({ error }),
          complete: () => iterator.end(),
        });
        return () => subscription.unsubscribe();
      },
      onOverflow: () => this.#onOverflow(names, resolved),
    });
    // That class has the same methods, and private fields that nothing reads.
    return iterator as unknown as EngineIterator<T>;
  }

  #observe(
    trigger: string,
    { pattern, sharded }: ResolvedEngineOptions,
    onMissed: (missed: MissedMessages) => void,
  ): Observable<PubSubMessage> {
    const options: ObserveOptions = {
      onSubscribed: (gap) => gap && onMissed({ trigger, gap }),
      onLost: ({ count, duringGap }: PubSubLoss) => duringGap || onMissed({ trigger, lost: count }),
      ...(sharded !== undefined && { sharded }),
    };
    return pattern
      ? this.#service.observePattern(trigger, options)
      : this.#service.observe(trigger, options);
  }

  #onOverflow(triggers: readonly string[], { maxWaiting }: ResolvedEngineOptions): Error {
    const names = shorten(triggers.join(', '));
    this.#overflows.add(
      () =>
        `A GraphQL subscription to "${names}" is slower than its messages, and ${maxWaiting} wait: dropped one. Raise maxWaiting, or publish less`,
    );
    return new ConnectionError(
      `The subscriber of "${names}" is slower than its messages: more than ${maxWaiting} wait`,
    );
  }
}

function onMissed<T>(
  iterator: BoundedIterator<T>,
  missed: MissedMessages,
  { onGap }: ResolvedEngineOptions,
): void {
  if (onGap === 'end') iterator.end();
  else if (onGap === 'error') iterator.end({ error: missedError(missed) });
  else if (typeof onGap === 'function') pushMapped(iterator, missed, onGap);
}

function pushMapped<T>(
  iterator: BoundedIterator<T>,
  missed: MissedMessages,
  toPayload: (missed: MissedMessages) => unknown,
): void {
  try {
    const payload = toPayload(missed);
    if (payload !== undefined) iterator.push(payload as T);
  } catch (error) {
    iterator.end({ error });
  }
}

function missedError({ trigger, gap, lost }: MissedMessages): ConnectionError {
  const name = shorten(trigger);
  return new ConnectionError(
    gap
      ? `Messages of "${name}" may be lost between ${gap.from.toISOString()} and ${gap.to.toISOString()}`
      : `${lost} messages of "${name}" did not arrive`,
  );
}
