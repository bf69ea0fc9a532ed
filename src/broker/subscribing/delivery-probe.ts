import type { DeliveryListener, SubscriptionWaiter } from '../broker.js';

/** The most intervals of silence that are waited for between two restarts. */
const MAX_PATIENCE = 8;

export interface DeliveryProbeOptions {
  /** Where probes are published; nobody else's channel. */
  readonly channel: string;
  /** How often it is looked whether messages arrive, in milliseconds; 0: never. */
  readonly interval: number;
}

/** What the probe needs of a broker. */
export interface ProbedBroker {
  /** Whether connections and subscriptions are in place: only then silence means something. */
  isHearing(): boolean;
  publish(channel: string): Promise<number>;
  subscribe(channel: string, listener: DeliveryListener, waiter: SubscriptionWaiter): void;
  unsubscribe(channel: string, listener: DeliveryListener): void;
  /** Nothing arrives, although Redis takes what is published; again, if nothing has since the last time. */
  onStarving(isRepeated: boolean): void;
  /** Messages arrive again. */
  onDelivering(): void;
}

/**
 * Proves delivery end to end. A subscriber can be connected, answer every PING, and hear nothing: its
 * server is no longer the one that messages are published to. When no message at all has come for
 * an interval, one is published to a channel of its own; when Redis has accepted that, and nothing
 * has come for a further whole interval, the subscriber is starving. A busy subscriber is never probed.
 */
export class DeliveryProbe implements DeliveryListener {
  readonly #interval: number;
  readonly #broker: ProbedBroker;
  #channel: string;
  #timer: NodeJS.Timeout | undefined;
  #subscription: 'none' | 'asked' | 'acknowledged' = 'none';
  #hasHeard = false;
  #isAccepted = false;
  #silence = 0;
  #patience = 1;
  #isStarving = false;
  #lastLook = new Date();
  #lastProof = new Date();

  constructor(options: DeliveryProbeOptions, broker: ProbedBroker) {
    this.#channel = options.channel;
    this.#interval = options.interval;
    this.#broker = broker;
  }

  /** Whether nothing has arrived since the subscriber was found to be starving. */
  get isStarving(): boolean {
    return this.#isStarving;
  }

  /** The last moment until which everything is known to have arrived, if there is reason to doubt the rest. */
  get deafSince(): Date | undefined {
    const isSuspect = this.#isStarving || (this.#isAccepted && !this.#hasHeard);
    return isSuspect ? this.#lastProof : undefined;
  }

  get channel(): string {
    return this.#channel;
  }

  /** Publishes elsewhere from now on. */
  move(channel: string): void {
    this.#leave();
    this.#channel = channel;
    this.#forget();
  }

  start(): void {
    if (this.#timer || this.#interval === 0) return;
    this.#forget();
    // A busy event loop runs this timer before it reads what is waiting on the socket.
    const look = (): void => void setImmediate(() => this.#timer && this.#look());
    this.#timer = setInterval(look, this.#interval).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#isStarving = false;
    this.#subscription = 'none';
    this.#patience = 1;
  }

  /** Stops, and listens no more. */
  end(): void {
    this.#leave();
    this.stop();
  }

  /** A message has arrived, whichever. */
  heard(): void {
    this.#hasHeard = true;
    if (this.#isStarving) this.#recover();
  }

  /** A probe has arrived; like every message it has been counted by {@link heard}. */
  onDelivery(): void {}

  /** Redis lets the probe listen no more. It must not keep everything else from being in place. */
  onRefused(): void {
    this.#unsubscribe();
  }

  /** Asks for a proof now: after a restart nobody wants to wait for an interval. */
  prove(): void {
    this.#forget();
    this.#publish();
  }

  #look(): void {
    const lastLook = this.#lastLook;
    this.#lastLook = new Date();
    if (this.#hasHeard) this.#lastProof = lastLook;
    if (this.#hasHeard || !this.#broker.isHearing()) {
      this.#forget();
      return;
    }
    if (this.#subscription === 'none') this.#subscribe();
    if (this.#subscription !== 'acknowledged') return;
    if (this.#isAccepted && ++this.#silence > this.#patience) this.#starve();
    else this.#publish();
  }

  #subscribe(): void {
    const channel = this.#channel;
    this.#subscription = 'asked';
    this.#broker.subscribe(channel, this, {
      onSubscribed: () => {
        if (channel === this.#channel) this.#subscription = 'acknowledged';
      },
      onFailed: () => {
        if (channel === this.#channel) this.#subscription = 'none';
      },
    });
  }

  #leave(): void {
    if (this.#subscription !== 'none') this.#unsubscribe();
  }

  #unsubscribe(): void {
    this.#subscription = 'none';
    this.#broker.unsubscribe(this.#channel, this);
  }

  #publish(): void {
    const channel = this.#channel;
    this.#broker.publish(channel).then(
      () => {
        this.#isAccepted ||= channel === this.#channel;
      },
      // What Redis does not take proves nothing about what it delivers.
      () => undefined,
    );
  }

  #starve(): void {
    this.#forget();
    this.#patience = Math.min(this.#patience * 2, MAX_PATIENCE);
    const isRepeated = this.#isStarving;
    this.#isStarving = true;
    this.#broker.onStarving(isRepeated);
  }

  #recover(): void {
    this.#isStarving = false;
    this.#patience = 1;
    this.#broker.onDelivering();
  }

  #forget(): void {
    this.#hasHeard = this.#isAccepted = false;
    this.#silence = 0;
  }
}
