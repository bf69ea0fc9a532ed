import type { Redis } from 'ioredis';
import { setImmediate } from 'node:timers/promises';
import type { SubscriptionKind } from '../channel/channel-pattern.js';
import { CommandRefusedError, messageOf, shorten } from '../errors.js';
import { telemetry } from '../telemetry.js';
import type { BrokerLog } from './broker.js';
import type { SubscriptionRegistry } from './subscription-registry.js';
import type { Subscription } from './subscription.js';

/** Names in one (P)SUBSCRIBE. Larger batches gain little and keep the event loop longer. */
const BATCH = 512;
const FIRST_RETRY = 1_000;
const LAST_RETRY = 30_000;

/**
 * Brings Redis to know what the registry wants, over one subscriber connection: after every change
 * of the registry, and from nothing after every reconnect. ioredis' own resubscribe is off, since a
 * refusal there is an unhandled rejection and a subscriber that is deaf for ever.
 */
export class Reconciler {
  readonly #client: Redis;
  readonly #registry: SubscriptionRegistry;
  readonly #log: BrokerLog;
  readonly #onProgress: () => void;
  readonly #refused = new Set<Subscription>();
  /** Counts connections, so that an answer that comes after its connection ended is ignored. */
  #epoch = 0;
  #isReady = false;
  #isScheduled = false;
  #isRefusalLogged = false;
  #retryDelay = FIRST_RETRY;
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(
    client: Redis,
    registry: SubscriptionRegistry,
    log: BrokerLog,
    onProgress: () => void,
  ) {
    this.#client = client;
    this.#registry = registry;
    this.#log = log;
    this.#onProgress = onProgress;
  }

  /** The connection can take commands, and knows no subscription of ours. */
  onReady(): void {
    this.#isReady = true;
    this.schedule();
  }

  /** The connection is gone, and is known to have worked until `lastProof`. */
  onLost(lastProof: Date): void {
    this.#epoch++;
    this.#isReady = false;
    this.#refused.clear();
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    this.#retryDelay = FIRST_RETRY;
    this.#registry.reset({ from: lastProof });
  }

  /** Works off the difference soon; everything that changes in one tick goes out together. */
  schedule(): void {
    if (this.#isScheduled || !this.#isReady || !this.#registry.hasStale) return;
    this.#isScheduled = true;
    queueMicrotask(() => void this.#run());
  }

  async #run(): Promise<void> {
    const epoch = this.#epoch;
    while (this.#isReady && epoch === this.#epoch && this.#registry.hasStale) {
      this.#tell('channel', this.#registry.takeStale('channel', BATCH));
      this.#tell('pattern', this.#registry.takeStale('pattern', BATCH));
      if (this.#registry.hasStale) await setImmediate();
    }
    this.#isScheduled = false;
    this.schedule();
    this.#onProgress();
  }

  #tell(kind: SubscriptionKind, subscriptions: readonly Subscription[]): void {
    const ended = subscriptions.filter((it) => !it.isWanted);
    const wanted = subscriptions.filter((it) => it.isWanted);
    if (ended.length > 0) this.#unsubscribe(kind, ended);
    if (wanted.length > 0) this.#subscribe(kind, wanted);
  }

  #subscribe(kind: SubscriptionKind, batch: readonly Subscription[]): void {
    const epoch = this.#epoch;
    for (const subscription of batch) this.#registry.told(subscription);
    const names = batch.map(({ name }) => name);
    const acknowledgement =
      kind === 'channel' ? this.#client.subscribe(...names) : this.#client.psubscribe(...names);
    acknowledgement.then(
      () => epoch === this.#epoch && this.#onAcknowledged(batch),
      (error: unknown) => epoch === this.#epoch && this.#onRefused(kind, batch, error),
    );
  }

  #unsubscribe(kind: SubscriptionKind, batch: readonly Subscription[]): void {
    const names = batch.map(({ name }) => name);
    // Told is told: what is wanted again from here on is sent after it, and Redis keeps the order.
    for (const subscription of batch) this.#registry.end(subscription);
    const done =
      kind === 'channel' ? this.#client.unsubscribe(...names) : this.#client.punsubscribe(...names);
    // When it fails with its connection, there is nothing left to unsubscribe from.
    done.catch((error: unknown) => isReply(error) && this.#onUnsubscribeRefused(error));
    if (!telemetry.unsubscribe.hasSubscribers) return;
    for (const name of names) telemetry.unsubscribe.publish({ kind, name });
  }

  #onUnsubscribeRefused(error: unknown): void {
    if (this.#isRefusalLogged) return;
    this.#isRefusalLogged = true;
    this.#log.error(`Redis goes on sending what nobody wants any more: ${messageOf(error)}`);
  }

  #onAcknowledged(batch: readonly Subscription[]): void {
    for (const subscription of batch) {
      if (subscription.state !== 'told') continue;
      this.#registry.acknowledge(subscription);
      this.#refused.delete(subscription);
      const { kind, name } = subscription;
      if (telemetry.subscribe.hasSubscribers) telemetry.subscribe.publish({ kind, name });
    }
    this.#onProgress();
  }

  #onRefused(kind: SubscriptionKind, batch: readonly Subscription[], error: unknown): void {
    // A connection that fails takes its answer with it; the next one starts from nothing.
    if (!isReply(error)) return;
    const told = batch.filter(({ state }) => state === 'told');
    if (batch.length > 1) {
      // One forbidden name makes Redis refuse them all.
      for (const subscription of told) this.#subscribe(kind, [subscription]);
      return;
    }
    for (const subscription of told) this.#refuse(subscription, error);
    this.#onProgress();
  }

  #refuse(subscription: Subscription, cause: unknown): void {
    const { kind, name } = subscription;
    const error = new CommandRefusedError('subscribe', name, cause);
    this.#registry.refuse(subscription, error);
    if (telemetry.subscribe.hasSubscribers) telemetry.subscribe.publish({ kind, name, error });
    if (!subscription.isWanted) return;
    if (!this.#refused.has(subscription)) {
      this.#log.error(
        `Not allowed to listen to "${shorten(name)}"; trying again: ${messageOf(cause)}`,
      );
    }
    this.#refused.add(subscription);
    this.#scheduleRetry();
  }

  #scheduleRetry(): void {
    if (this.#retryTimer) return;
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      for (const subscription of this.#refused) {
        if (subscription.isWanted) this.#registry.review(subscription);
        else this.#refused.delete(subscription);
      }
      this.schedule();
    }, this.#retryDelay).unref();
    this.#retryDelay = Math.min(this.#retryDelay * 2, LAST_RETRY);
  }
}

function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}
