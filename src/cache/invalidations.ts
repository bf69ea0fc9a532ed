import type { Observable } from 'rxjs';
import { hasCode, messageOf, shorten } from '../errors.js';
import type { KeyNotification } from '../keyspace/key-notification.js';
import type { PubSubMessage } from '../module/message-observer.js';
import type { RedisPubSubService } from '../module/redis-pubsub.service.js';
import { runOutside } from '../shared/async-context.js';
import { OutsideLogger } from '../transport/outside-logger.js';
import type { ResolvedCacheOptions, WatchedKeys } from './cache-options.js';

/** How long after a failure the next attempt to publish is made. */
const RETRY_MS = 1_000;

/** What a local cache uses of `RedisPubSubService`. */
export type ServiceOfCache = Pick<
  RedisPubSubService,
  'deliveryTimeout' | 'lastDeliveryAt' | 'observe' | 'observeKeys' | 'publish' | 'status'
>;

/** Receives invalidations: the keys, or `undefined` for all keys. Must not throw. */
type OnInvalidated = (keys: readonly string[] | undefined) => void;

/** Publishes and receives the invalidations of a cache, and tells whether all of them arrive. */
export class Invalidations {
  readonly #service: ServiceOfCache;
  readonly #options: ResolvedCacheOptions;
  readonly #onInvalidated: OnInvalidated;
  readonly #logger = new OutsideLogger('LocalCache');
  /** Each ends one subscription. */
  readonly #closers: (() => void)[] = [];
  /** The subscriptions that Redis has not acknowledged yet, or that have ended. */
  readonly #missing = new Set<object>();
  /** The millisecond of the last look at the time of delivery. */
  #lookedAt = -1;
  #isConfirmed = false;
  #retry: NodeJS.Timeout | undefined;
  #followUp: NodeJS.Timeout | undefined;
  /** When Redis took an invalidation for the last time, as `performance.now` counts. */
  #publishedAt = -Infinity;
  #isClosed = false;

  constructor(
    service: ServiceOfCache,
    options: ResolvedCacheOptions,
    onInvalidated: OnInvalidated,
  ) {
    this.#service = service;
    this.#options = options;
    this.#onInvalidated = onInvalidated;
    this.#observeChannel();
    if (options.keys) this.#observeKeys(options.keys);
  }

  /**
   * Whether every invalidation has arrived that was published longer than `deliveryTimeout` ago. The status alone does not
   * tell: a process that stood still runs its code before it learns what it missed.
   */
  get allArrive(): boolean {
    const isSubscribed = this.#missing.size === 0 && !this.#isClosed;
    if (!isSubscribed || this.#service.status !== 'connected') return false;
    const now = Date.now();
    if (now !== this.#lookedAt) {
      this.#lookedAt = now;
      const confirmed = this.#service.lastDeliveryAt?.getTime() ?? -Infinity;
      // Both ways: after the clock was set back, the time says nothing.
      this.#isConfirmed = Math.abs(now - confirmed) <= this.#service.deliveryTimeout;
    }
    return this.#isConfirmed;
  }

  /** Publishes keys, or `undefined` for all. If that fails, all keys are published as soon as Redis takes it. */
  async publish(keys: readonly string[] | undefined): Promise<void> {
    await this.#send(keys);
    this.#publishedAt = performance.now();
    this.#followUp ??= this.#createFollowUp();
  }

  /** Ends the subscriptions. Idempotent. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#followUp);
    for (const close of this.#closers.splice(0)) close();
  }

  /** A message that got lost shows with the next one of its publisher. */
  #createFollowUp(): NodeJS.Timeout | undefined {
    const createdAt = performance.now();
    return this.#later(this.#service.deliveryTimeout / 2, () => {
      // A short outage may lose a message and one that follows it at once.
      this.#followUp = this.#publishedAt > createdAt ? this.#createFollowUp() : undefined;
      return this.#send([]);
    });
  }

  /** What was published before an outage of this instance may have gone to a server that others had left. */
  #followUpAfterOutage(): void {
    // Older values have expired.
    if (performance.now() - this.#publishedAt > this.#options.ttlMs) return;
    this.#send([]).catch(() => undefined);
  }

  async #send(keys: readonly string[] | undefined): Promise<void> {
    const { channel, sharded } = this.#options;
    const options = sharded === undefined ? {} : { sharded };
    try {
      await this.#service.publish(channel, keys ? { keys } : { all: true }, options);
    } catch (error) {
      if (!hasCode(error, 'ERR_PUBSUB_CLOSED')) {
        this.#retry ??= this.#later(RETRY_MS, () => {
          this.#retry = undefined;
          return this.#send(undefined);
        });
      }
      throw error;
    }
  }

  /** Publishes later. A failure is tried again. */
  #later(ms: number, publish: () => Promise<void>): NodeJS.Timeout | undefined {
    if (this.#isClosed) return undefined;
    const run = (): void => void publish().catch(() => undefined);
    return runOutside(() => setTimeout(run, ms).unref());
  }

  #observeChannel(): void {
    const { channel, sharded } = this.#options;
    const onLost = (): void => this.#onInvalidated(undefined);
    const options = sharded === undefined ? { onLost } : { onLost, sharded };
    this.#subscribe<PubSubMessage>(
      channel,
      (onSubscribed) =>
        this.#service.observe(channel, {
          ...options,
          onSubscribed: (gap?: object) => {
            onSubscribed();
            if (gap) this.#followUpAfterOutage();
          },
        }),
      ({ data }) => this.#onInvalidated(keysIn(data)),
    );
  }

  #observeKeys({ pattern, database = 0, toCacheKey }: WatchedKeys): void {
    this.#subscribe<KeyNotification>(
      pattern,
      (onSubscribed) => this.#service.observeKeys(pattern, { database, onSubscribed }),
      ({ key }) => this.#onInvalidated(cacheKeys(key, toCacheKey)),
    );
  }

  #subscribe<T>(
    name: string,
    observe: (onSubscribed: () => void) => Observable<T>,
    next: (value: T) => void,
  ): void {
    const source = {};
    const onSubscribed = (): void => {
      // Earlier invalidations did not arrive, nor those of an outage.
      this.#onInvalidated(undefined);
      this.#missing.delete(source);
    };
    const onEnded = (): void => {
      this.#missing.add(source);
      this.#onInvalidated(undefined);
    };
    this.#missing.add(source);
    const subscription = observe(onSubscribed).subscribe({
      next,
      error: (error: unknown) => {
        onEnded();
        this.#logger.error(
          `A local cache keeps nothing from now on, since it cannot subscribe to "${shorten(name)}": ${messageOf(error)}. Allow the subscription, and start again`,
        );
      },
      // The application has closed.
      complete: () => {
        onEnded();
        this.close();
      },
    });
    this.#closers.push(() => subscription.unsubscribe());
  }
}

/** The keys of a message. Any client may have sent it: one without keys counts as all keys. */
function keysIn(data: unknown): readonly string[] | undefined {
  const keys: unknown = typeof data === 'object' && data ? Reflect.get(data, 'keys') : undefined;
  return Array.isArray(keys) && keys.every((key) => typeof key === 'string') ? keys : undefined;
}

function cacheKeys(
  key: string,
  toCacheKey: WatchedKeys['toCacheKey'] = (it) => it,
): readonly string[] | undefined {
  try {
    const cacheKey = toCacheKey(key);
    return cacheKey === undefined ? [] : [cacheKey];
  } catch {
    return undefined;
  }
}
