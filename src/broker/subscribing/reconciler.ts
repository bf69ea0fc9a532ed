import type { Redis } from 'ioredis';
import { setImmediate } from 'node:timers/promises';
import { BurstLog } from '../../shared/rate-limited-log.js';
import type { SubscriptionKind } from '../../channel/channel-pattern.js';
import { CommandRefusedError, messageOf, shorten } from '../../errors.js';
import { telemetry } from '../../telemetry.js';
import type { BrokerLog } from '../broker.js';
import { isReplyError } from '../connection/redis-error.js';
import { explainReply } from '../connection/redis-error.js';
import { SubscribeCommands } from './subscribe-commands.js';
import type { SubscriptionRegistry } from './subscription-registry.js';
import type { Subscription } from './subscription.js';

/** How many subscriptions Redis is told of in one go. Larger batches gain little and keep the event loop longer. */
const BATCH = 512;
const FIRST_RETRY = 1_000;
const LAST_RETRY = 30_000;
/** When to ask a node again that has sent us to another one, unless that is known sooner; in milliseconds. */
const ELSEWHERE_RETRY = 250;
/** Not a refusal: a node of a Cluster does not serve this channel now. */
const LATER = /^(TRYAGAIN|CLUSTERDOWN|MASTERDOWN) /;
/** Nor is this, to whoever can go there. */
const ELSEWHERE = /^(MOVED|ASK) /;

export interface ReconcilerOptions {
  /** What is subscribed over this connection. */
  readonly kinds: readonly SubscriptionKind[];
  /** Splits a batch into those that Redis takes in one command; all at once, if not given. */
  readonly split?: (batch: readonly Subscription[]) => readonly (readonly Subscription[])[];
  readonly log: BrokerLog;
}

/** Someone who is told how the work goes on. */
export interface ReconcilerObserver {
  onProgress(): void;
  /** Redis says that some channel is not for this connection; without this that is a refusal. */
  onElsewhere?(): void;
}

/**
 * Brings Redis to know what a registry wants, over one subscriber connection: after every change
 * of the registry, and from nothing after every reconnect. ioredis' own resubscribe is off, since a
 * refusal there is an unhandled rejection and a subscriber that is deaf for ever.
 */
export class Reconciler {
  readonly #commands: SubscribeCommands;
  readonly #registry: SubscriptionRegistry;
  readonly #options: ReconcilerOptions;
  readonly #observer: ReconcilerObserver;
  readonly #refusals = new BurstLog(
    (line) => this.#options.log.error(line),
    (count) => `Not allowed to listen to ${count} more names; trying again`,
  );
  readonly #refused = new Set<Subscription>();
  readonly #elsewhere = new Set<Subscription>();
  /** Counts connections, so that an answer that comes after its connection ended is ignored. */
  #epoch = 0;
  #isReady = false;
  #isScheduled = false;
  #isRefusalLogged = false;
  #retryDelay = FIRST_RETRY;
  #retryTimer: NodeJS.Timeout | undefined;
  #elsewhereTimer: NodeJS.Timeout | undefined;

  constructor(
    client: Redis,
    registry: SubscriptionRegistry,
    options: ReconcilerOptions,
    observer: ReconcilerObserver,
  ) {
    this.#commands = new SubscribeCommands(client, () => this.schedule());
    this.#registry = registry;
    this.#options = options;
    this.#observer = observer;
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
    this.#commands.reset();
    this.#refused.clear();
    this.#elsewhere.clear();
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#elsewhereTimer);
    this.#retryTimer = this.#elsewhereTimer = undefined;
    this.#retryDelay = FIRST_RETRY;
    this.#registry.reset({ from: lastProof });
  }

  /** Works off the difference soon; everything that changes in one tick goes out together. */
  schedule(): void {
    if (this.#isScheduled || !this.#maySend || !this.#registry.hasStale) return;
    this.#isScheduled = true;
    queueMicrotask(() => void this.#run());
  }

  get #maySend(): boolean {
    return this.#isReady && !this.#commands.isBusy;
  }

  async #run(): Promise<void> {
    const epoch = this.#epoch;
    while (this.#maySend && epoch === this.#epoch && this.#registry.hasStale) {
      for (const kind of this.#options.kinds) {
        this.#tell(kind, this.#registry.takeStale(kind, BATCH));
      }
      if (this.#registry.hasStale) await setImmediate();
    }
    this.#isScheduled = false;
    this.schedule();
    this.#observer.onProgress();
  }

  #tell(kind: SubscriptionKind, subscriptions: readonly Subscription[]): void {
    const ended = subscriptions.filter((it) => !it.isWanted);
    const wanted = subscriptions.filter((it) => it.isWanted);
    for (const batch of this.#split(ended)) this.#unsubscribe(kind, batch);
    for (const batch of this.#split(wanted)) this.#subscribe(kind, batch);
  }

  #split(batch: readonly Subscription[]): readonly (readonly Subscription[])[] {
    if (batch.length === 0) return [];
    return this.#options.split?.(batch) ?? [batch];
  }

  #subscribe(kind: SubscriptionKind, batch: readonly Subscription[]): void {
    const epoch = this.#epoch;
    for (const subscription of batch) this.#registry.told(subscription);
    const names = batch.map(({ name }) => name);
    this.#commands.subscribe(kind, names).then(
      () => epoch === this.#epoch && this.#onAcknowledged(kind, batch),
      (error: unknown) => epoch === this.#epoch && this.#onRefused(kind, batch, error),
    );
  }

  #unsubscribe(kind: SubscriptionKind, batch: readonly Subscription[]): void {
    const names = batch.map(({ name }) => name);
    // Told is told: what is wanted again from here on is sent after it, and Redis keeps the order.
    for (const subscription of batch) this.#registry.end(subscription);
    const done = this.#commands.unsubscribe(kind, names);
    // When it fails with its connection, there is nothing left to unsubscribe from.
    done.catch((error: unknown) => isReplyError(error) && this.#onUnsubscribeRefused(error));
    if (!telemetry.unsubscribe.hasSubscribers) return;
    for (const name of names) telemetry.unsubscribe.publish({ kind, name });
  }

  #onUnsubscribeRefused(error: unknown): void {
    if (this.#isRefusalLogged) return;
    this.#isRefusalLogged = true;
    this.#options.log.error(
      `Redis goes on sending what nobody wants any more: ${messageOf(error)}`,
    );
  }

  #onAcknowledged(kind: SubscriptionKind, batch: readonly Subscription[]): void {
    for (const subscription of batch) {
      if (!this.#registry.isTold(subscription)) continue;
      const gap = this.#registry.acknowledge(subscription);
      this.#refused.delete(subscription);
      if (!telemetry.subscribe.hasSubscribers) continue;
      telemetry.subscribe.publish({ kind, name: subscription.name, ...(gap && { gap }) });
    }
    this.#observer.onProgress();
  }

  #onRefused(kind: SubscriptionKind, batch: readonly Subscription[], error: unknown): void {
    // A connection that fails takes its answer with it; the next one starts from nothing.
    if (!isReplyError(error)) return;
    const told = batch.filter((it) => this.#registry.isTold(it));
    const reply = messageOf(error);
    if (LATER.test(reply) || (this.#observer.onElsewhere && ELSEWHERE.test(reply))) {
      this.#postpone(told);
      return;
    }
    if (batch.length > 1) {
      // One forbidden name makes Redis refuse them all.
      for (const subscription of told) this.#subscribe(kind, [subscription]);
      return;
    }
    for (const subscription of told) this.#refuse(subscription, error);
    this.#observer.onProgress();
  }

  /** Tries again later what is served somewhere else; until then it may have been taken there. */
  #postpone(batch: readonly Subscription[]): void {
    for (const subscription of batch) {
      this.#registry.postpone(subscription);
      this.#elsewhere.add(subscription);
    }
    this.#observer.onElsewhere?.();
    this.#elsewhereTimer ??= setTimeout(() => {
      this.#elsewhereTimer = undefined;
      this.#reviewAll(this.#elsewhere);
      this.#elsewhere.clear();
    }, ELSEWHERE_RETRY).unref();
  }

  #refuse(subscription: Subscription, reply: unknown): void {
    const { kind, name } = subscription;
    const cause = explainReply(reply);
    const error = new CommandRefusedError('subscribe', name, cause);
    this.#registry.refuse(subscription, error);
    if (telemetry.subscribe.hasSubscribers) telemetry.subscribe.publish({ kind, name, error });
    if (!subscription.isWanted) return;
    if (!this.#refused.has(subscription)) {
      this.#refusals.add(
        () => `Not allowed to listen to "${shorten(name)}"; trying again: ${messageOf(cause)}`,
      );
    }
    this.#refused.add(subscription);
    this.#scheduleRetry();
  }

  #scheduleRetry(): void {
    if (this.#retryTimer) return;
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      this.#reviewAll(this.#refused);
    }, this.#retryDelay).unref();
    this.#retryDelay = Math.min(this.#retryDelay * 2, LAST_RETRY);
  }

  #reviewAll(subscriptions: Set<Subscription>): void {
    for (const subscription of subscriptions) {
      if (this.#registry.has(subscription)) this.#registry.review(subscription);
      else subscriptions.delete(subscription);
    }
    this.schedule();
  }
}
