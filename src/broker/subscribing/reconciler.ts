import type { Redis } from 'ioredis';
import { setImmediate } from 'node:timers/promises';
import type { SubscriptionKind } from '../../channel/subscription-key.js';
import { CommandRefusedError, messageOf, shorten } from '../../errors.js';
import { runOutside } from '../../shared/async-context.js';
import { RateLimitedLog } from '../../shared/rate-limited-log.js';
import { telemetry } from '../../telemetry.js';
import type { BrokerLog } from '../broker.js';
import { explainReply, isReplyError } from '../connection/redis-error.js';
import { SubscribeCommands } from './subscribe-commands.js';
import type { SubscriptionRegistry } from './subscription-registry.js';
import type { Subscription } from './subscription.js';

/** Subscriptions per command. Larger batches gain little and hold the event loop longer. */
const BATCH_SIZE = 512;
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;
/** When to ask a node again that redirected us, unless the new owner is known sooner. */
const REDIRECT_RETRY_MS = 250;
/** Not a refusal: a node of a Cluster does not serve this channel now. */
const UNAVAILABLE = /^(TRYAGAIN|CLUSTERDOWN|MASTERDOWN) /;
/** Not a refusal where the other node can be asked. */
const REDIRECT = /^(MOVED|ASK) /;

/** How a {@link Reconciler} works. */
export interface ReconcilerOptions {
  /** The name of the broker in telemetry. */
  readonly transport: string;
  /** The kinds of subscriptions of this connection. */
  readonly kinds: readonly SubscriptionKind[];
  /** Splits a batch into those that Redis accepts in one command; all at once, if not given. */
  readonly split?: (batch: readonly Subscription[]) => readonly (readonly Subscription[])[];
  readonly log: BrokerLog;
}

/** Observes a {@link Reconciler}. */
export interface ReconcilerObserver {
  onProgress(): void;
  /** Redis answered that another node serves a channel. Without this method such an answer is a refusal. */
  onRedirect?(): void;
}

/**
 * Sends the commands that make Redis' subscriptions equal to those of a registry, over one connection. It
 * does so after every change of the registry, and from nothing after every reconnect. The resubscription of
 * ioredis is off: a refusal there is an unhandled rejection, and the subscriber then receives nothing.
 */
export class Reconciler {
  readonly #commands: SubscribeCommands;
  readonly #registry: SubscriptionRegistry;
  readonly #options: ReconcilerOptions;
  readonly #observer: ReconcilerObserver;
  readonly #refusals = new RateLimitedLog(
    (line) => this.#options.log.error(line),
    (count) => `Redis refused ${count} more subscriptions; retrying`,
  );
  readonly #refused = new Set<Subscription>();
  readonly #redirected = new Set<Subscription>();
  #isReady = false;
  #isScheduled = false;
  #hasLoggedUnsubscribe = false;
  #retryDelayMs = FIRST_RETRY_MS;
  #retryTimer: NodeJS.Timeout | undefined;
  #redirectTimer: NodeJS.Timeout | undefined;

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

  /** The connection is ready, and Redis knows no subscription of ours. */
  onReady(): void {
    this.#isReady = true;
    this.schedule();
  }

  /** The connection is lost. It is known to have worked until `lastConfirmed`. */
  onLost(lastConfirmed: Date): void {
    this.#isReady = false;
    this.#commands.onConnectionLost();
    this.#refused.clear();
    this.#redirected.clear();
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#redirectTimer);
    this.#retryTimer = this.#redirectTimer = undefined;
    this.#retryDelayMs = FIRST_RETRY_MS;
    this.#registry.onConnectionLost({ from: lastConfirmed });
  }

  /** Sends commands for the difference soon. All changes of one tick go out together. */
  schedule(): void {
    if (this.#isScheduled || !this.#canSend || !this.#registry.hasDirty) return;
    this.#isScheduled = true;
    runOutside(() => queueMicrotask(() => void this.#run()));
  }

  get #canSend(): boolean {
    return this.#isReady && !this.#commands.isBusy;
  }

  async #run(): Promise<void> {
    const { generation } = this.#registry;
    const isCurrent = (): boolean => generation === this.#registry.generation;
    while (this.#canSend && isCurrent() && this.#registry.hasDirty) {
      for (const kind of this.#options.kinds) {
        this.#send(kind, this.#registry.takeDirty(kind, BATCH_SIZE));
      }
      if (this.#registry.hasDirty) await setImmediate();
    }
    this.#isScheduled = false;
    this.schedule();
    this.#observer.onProgress();
  }

  #send(kind: SubscriptionKind, subscriptions: readonly Subscription[]): void {
    const removed = subscriptions.filter((it) => !it.hasListeners);
    const added = subscriptions.filter((it) => it.hasListeners);
    for (const batch of this.#split(removed)) this.#unsubscribe(kind, batch);
    for (const batch of this.#split(added)) this.#subscribe(kind, batch);
  }

  #split(batch: readonly Subscription[]): readonly (readonly Subscription[])[] {
    if (batch.length === 0) return [];
    return this.#options.split?.(batch) ?? [batch];
  }

  #subscribe(kind: SubscriptionKind, batch: readonly Subscription[]): void {
    const { generation } = this.#registry;
    const isCurrent = (): boolean => generation === this.#registry.generation;
    for (const subscription of batch) this.#registry.setPending(subscription);
    this.#commands.subscribe(kind, namesOf(batch)).then(
      () => isCurrent() && this.#onAcknowledged(kind, batch),
      (error: unknown) => isCurrent() && this.#onRefused(kind, batch, error),
    );
  }

  #unsubscribe(kind: SubscriptionKind, batch: readonly Subscription[]): void {
    const names = namesOf(batch);
    // Redis keeps the order of commands: a new listener from here on makes a SUBSCRIBE after this.
    for (const subscription of batch) this.#registry.setUnsubscribed(subscription);
    const done = this.#commands.unsubscribe(kind, names);
    // Where the connection is lost there is nothing left to unsubscribe from.
    done.catch((error: unknown) => isReplyError(error) && this.#onUnsubscribeRefused(error));
    if (!telemetry.unsubscribe.hasSubscribers) return;
    const { transport } = this.#options;
    for (const name of names) telemetry.unsubscribe.publish({ transport, kind, name });
  }

  #onUnsubscribeRefused(error: unknown): void {
    if (this.#hasLoggedUnsubscribe) return;
    this.#hasLoggedUnsubscribe = true;
    this.#options.log.error(
      `Redis refused to unsubscribe (${messageOf(error)}); messages without a listener still arrive, and are dropped. Allow the UNSUBSCRIBE commands`,
    );
  }

  #onAcknowledged(kind: SubscriptionKind, batch: readonly Subscription[]): void {
    const { transport } = this.#options;
    for (const subscription of batch) {
      if (!this.#registry.isPending(subscription)) continue;
      const gap = this.#registry.acknowledge(subscription);
      this.#refused.delete(subscription);
      if (!telemetry.subscribe.hasSubscribers) continue;
      const { name } = subscription.key;
      telemetry.subscribe.publish({ transport, kind, name, ...(gap && { gap }) });
    }
    this.#observer.onProgress();
  }

  #onRefused(kind: SubscriptionKind, batch: readonly Subscription[], error: unknown): void {
    // When the connection is lost, the next one subscribes from nothing.
    if (!isReplyError(error)) return;
    const pending = batch.filter((it) => this.#registry.isPending(it));
    const reply = messageOf(error);
    if (UNAVAILABLE.test(reply) || (this.#observer.onRedirect && REDIRECT.test(reply))) {
      this.#defer(pending);
      return;
    }
    if (batch.length > 1) {
      // One forbidden name makes Redis refuse the whole command.
      for (const subscription of pending) this.#subscribe(kind, [subscription]);
      return;
    }
    for (const subscription of pending) this.#refuse(subscription, error);
    this.#observer.onProgress();
  }

  /** Tries later again what another node serves; by then the subscriptions may have moved there. */
  #defer(batch: readonly Subscription[]): void {
    for (const subscription of batch) {
      this.#registry.defer(subscription);
      this.#redirected.add(subscription);
    }
    this.#observer.onRedirect?.();
    this.#redirectTimer ??= setTimeout(() => {
      this.#redirectTimer = undefined;
      this.#recheckAll(this.#redirected);
      this.#redirected.clear();
    }, REDIRECT_RETRY_MS).unref();
  }

  #refuse(subscription: Subscription, reply: unknown): void {
    const { kind, name } = subscription.key;
    const cause = explainReply(reply);
    const error = new CommandRefusedError('subscribe', name, cause);
    this.#registry.refuse(subscription, error);
    if (telemetry.subscribe.hasSubscribers) {
      telemetry.subscribe.publish({ transport: this.#options.transport, kind, name, error });
    }
    if (!subscription.hasListeners) return;
    if (!this.#refused.has(subscription)) {
      this.#refusals.add(
        () => `Redis refused to subscribe to "${shorten(name)}"; retrying: ${messageOf(cause)}`,
      );
    }
    this.#refused.add(subscription);
    this.#scheduleRetry();
  }

  #scheduleRetry(): void {
    if (this.#retryTimer) return;
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      this.#recheckAll(this.#refused);
    }, this.#retryDelayMs).unref();
    this.#retryDelayMs = Math.min(this.#retryDelayMs * 2, MAX_RETRY_MS);
  }

  #recheckAll(subscriptions: Set<Subscription>): void {
    for (const subscription of subscriptions) {
      if (this.#registry.has(subscription)) this.#registry.recheck(subscription);
      else subscriptions.delete(subscription);
    }
    this.schedule();
  }
}

function namesOf(subscriptions: readonly Subscription[]): string[] {
  return subscriptions.map(({ key }) => key.name);
}
