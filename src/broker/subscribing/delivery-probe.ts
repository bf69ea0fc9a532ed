import type { DeliveryListener, SubscriptionWaiter } from '../broker.js';

/** The most intervals of silence between two restarts of a starving subscriber. */
const MAX_SILENT_INTERVALS = 8;

/** How a {@link DeliveryProbe} works. */
export interface DeliveryProbeOptions {
  /** The channel of the probes, which nothing else uses. */
  readonly channel: string;
  /** How often to check whether messages arrive; 0 turns the probe off. */
  readonly intervalMs: number;
}

/** What a {@link DeliveryProbe} uses of a broker. */
export interface ProbedBroker {
  /** Whether connections and subscriptions are in place: only then does silence mean anything. */
  isSubscribed(): boolean;
  publish(channel: string): Promise<number>;
  subscribe(channel: string, listener: DeliveryListener, waiter: SubscriptionWaiter): void;
  unsubscribe(channel: string, listener: DeliveryListener): void;
  /** No message arrives, although Redis accepts what is published. `isRepeated`: none has since the last call. */
  onStarving(isRepeated: boolean): void;
  /** Messages arrive again. */
  onRecovered(): void;
}

/**
 * Checks delivery end to end. A subscriber can be connected, answer every PING, and receive nothing, when
 * messages are published to another server than its own. After an interval without any message the probe
 * publishes one to its own channel. When Redis accepts it, and no message arrives for a further whole
 * interval, the subscriber is starving. A busy subscriber is never probed.
 */
export class DeliveryProbe implements DeliveryListener {
  readonly #intervalMs: number;
  readonly #broker: ProbedBroker;
  #channel: string;
  #timer: NodeJS.Timeout | undefined;
  #subscription: 'none' | 'pending' | 'subscribed' = 'none';
  #hasReceived = false;
  #isAccepted = false;
  #silentIntervals = 0;
  #allowedSilentIntervals = 1;
  #isStarving = false;
  #lastCheck = new Date();
  #lastReceived = new Date();

  constructor(options: DeliveryProbeOptions, broker: ProbedBroker) {
    this.#channel = options.channel;
    this.#intervalMs = options.intervalMs;
    this.#broker = broker;
  }

  /** Whether no message has arrived since the subscriber was found to be starving. */
  get isStarving(): boolean {
    return this.#isStarving;
  }

  /** Until when messages are known to have arrived, if later ones may be lost; `undefined` if delivery is not in doubt. */
  get lastConfirmed(): Date | undefined {
    const isInDoubt = this.#isStarving || (this.#isAccepted && !this.#hasReceived);
    return isInDoubt ? this.#lastReceived : undefined;
  }

  /** The channel of the probes. */
  get channel(): string {
    return this.#channel;
  }

  /** Uses another channel from now on. */
  move(channel: string): void {
    this.#unsubscribe();
    this.#channel = channel;
    this.#reset();
  }

  /** Starts to check on the interval. */
  start(): void {
    if (this.#timer || this.#intervalMs === 0) return;
    this.#reset();
    // A busy event loop runs this timer before it reads what the socket has received.
    const check = (): void => void setImmediate(() => this.#timer && this.#check());
    this.#timer = setInterval(check, this.#intervalMs).unref();
  }

  /** Stops the timer. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#isStarving = false;
    this.#subscription = 'none';
    this.#allowedSilentIntervals = 1;
  }

  /** Stops the timer, and unsubscribes. */
  close(): void {
    this.#unsubscribe();
    this.stop();
  }

  /** A message has arrived, on any channel. */
  onMessage(): void {
    this.#hasReceived = true;
    if (!this.#isStarving) return;
    this.#isStarving = false;
    this.#allowedSilentIntervals = 1;
    this.#broker.onRecovered();
  }

  /** A probe has arrived. Like every message it was reported to {@link onMessage}. */
  onDelivery(): void {}

  /** Redis refuses the channel of the probes. A refused probe must not keep the broker from being `connected`. */
  onRefused(): void {
    // Without a check of the state: after a stop the subscription may still be in the registry.
    this.#subscription = 'none';
    this.#broker.unsubscribe(this.#channel, this);
  }

  /** Publishes a probe now, without waiting for the interval. */
  probeNow(): void {
    this.#reset();
    this.#publish();
  }

  #check(): void {
    const lastCheck = this.#lastCheck;
    this.#lastCheck = new Date();
    if (this.#hasReceived) this.#lastReceived = lastCheck;
    if (this.#hasReceived || !this.#broker.isSubscribed()) {
      this.#reset();
      return;
    }
    if (this.#subscription === 'none') this.#subscribe();
    if (this.#subscription !== 'subscribed') return;
    const isSilent = this.#isAccepted && ++this.#silentIntervals > this.#allowedSilentIntervals;
    if (isSilent) this.#onSilent();
    else this.#publish();
  }

  #subscribe(): void {
    const channel = this.#channel;
    this.#subscription = 'pending';
    this.#broker.subscribe(channel, this, {
      onSubscribed: () => {
        if (channel === this.#channel) this.#subscription = 'subscribed';
      },
      onFailed: () => {
        if (channel === this.#channel) this.#subscription = 'none';
      },
    });
  }

  #unsubscribe(): void {
    if (this.#subscription === 'none') return;
    this.#subscription = 'none';
    this.#broker.unsubscribe(this.#channel, this);
  }

  #publish(): void {
    const channel = this.#channel;
    this.#broker.publish(channel).then(
      () => {
        this.#isAccepted ||= channel === this.#channel;
      },
      // A probe that Redis does not accept says nothing about delivery.
      () => undefined,
    );
  }

  #onSilent(): void {
    this.#reset();
    this.#allowedSilentIntervals = Math.min(this.#allowedSilentIntervals * 2, MAX_SILENT_INTERVALS);
    const isRepeated = this.#isStarving;
    this.#isStarving = true;
    this.#broker.onStarving(isRepeated);
  }

  #reset(): void {
    this.#hasReceived = this.#isAccepted = false;
    this.#silentIntervals = 0;
  }
}
