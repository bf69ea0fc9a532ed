import { CommandRefusedError, messageOf } from '../../errors.js';
import type { BrokerLog, Delivery, DeliveryListener, SubscriptionWaiter } from '../broker.js';

/** The most intervals of silence between two restarts of a starving subscriber. */
const MAX_SILENT_INTERVALS = 8;

/** How a {@link DeliveryProbe} works. */
export interface DeliveryProbeOptions {
  /** The channel of the probes, which nothing else uses. */
  readonly channel: string;
  /** How often to check whether messages arrive; 0 turns the probe off. */
  readonly intervalMs: number;
  readonly log: Pick<BrokerLog, 'warn'>;
}

/** What a {@link DeliveryProbe} uses of a broker. */
export interface ProbedBroker {
  /** Whether connections and subscriptions are in place: only then does a missing probe mean anything. */
  isSubscribed(): boolean;
  publish(channel: string, payload: string): Promise<number>;
  subscribe(channel: string, listener: DeliveryListener, waiter: SubscriptionWaiter): void;
  unsubscribe(channel: string, listener: DeliveryListener): void;
  /** Calls `onRead` when every message that has arrived is delivered. */
  whenRead(onRead: () => void): void;
  /** Sends a PING to the server of the subscriber, over its connection, and calls `onAnswer` with the answer. */
  ping(onAnswer: () => void): void;
  /** No probe arrives, although Redis accepts them. `isRepeated`: none has since the last call. */
  onStarving(isRepeated: boolean): void;
  /** Probes arrive again. */
  onRecovered(): void;
}

/** A probe that was published and has not arrived. */
interface Probe {
  readonly sent: Date;
  /** Whether Redis has accepted it: from then on it must arrive. */
  isAccepted: boolean;
  /**
   * Whether the subscriber has the answer to a PING that followed it. Redis sends in order: until then the
   * probe may stand in its output buffer, behind messages that this process is too busy to read.
   */
  isOvertaken: boolean;
}

/**
 * Checks delivery end to end. A subscriber can be connected, answer every PING, and receive nothing, when
 * messages are published to another server than its own; or receive what some clients publish, and nothing of
 * the others. So it publishes a probe to its own channel in each interval, whether or not other messages arrive.
 * When Redis has accepted one, has answered a PING after it, and none arrives for a further whole interval, the
 * subscriber is starving.
 */
export class DeliveryProbe implements DeliveryListener {
  readonly #intervalMs: number;
  readonly #log: DeliveryProbeOptions['log'];
  #hasWarned = false;
  readonly #broker: ProbedBroker;
  #channel: string;
  #timer: NodeJS.Timeout | undefined;
  #isReading = false;
  #subscription: 'none' | 'pending' | 'subscribed' = 'none';
  /** The probes that have not arrived, by their numbers, oldest first. */
  readonly #missing = new Map<number, Probe>();
  #lastNumber = 0;
  #silentIntervals = 0;
  #allowedSilentIntervals = 1;
  #isStarving = false;
  /** When the last probe that arrived was published. */
  #lastConfirmed = new Date();

  constructor(options: DeliveryProbeOptions, broker: ProbedBroker) {
    this.#channel = options.channel;
    this.#intervalMs = options.intervalMs;
    this.#log = options.log;
    this.#broker = broker;
  }

  /** Whether no probe has arrived since the subscriber was found to be starving. */
  get isStarving(): boolean {
    return this.#isStarving;
  }

  /** Until when messages are known to have arrived, if later ones may be lost; `undefined` if delivery is not in doubt. */
  get lastConfirmed(): Date | undefined {
    return this.#isStarving || this.#isMissing ? this.#lastConfirmed : undefined;
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
    this.#lastConfirmed = new Date();
    this.#timer = setInterval(() => this.#checkWhenRead(), this.#intervalMs).unref();
  }

  /** Stops the timer. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#isStarving = false;
    this.#subscription = 'none';
    this.#allowedSilentIntervals = 1;
    this.#reset();
  }

  /** Stops the timer, and unsubscribes. */
  close(): void {
    this.#unsubscribe();
    this.stop();
  }

  /** A probe has arrived. */
  onDelivery({ payload }: Pick<Delivery, 'payload'>): void {
    const number = Number(payload.text());
    const arrived = this.#missing.get(number);
    if (!arrived) return;
    for (const earlier of this.#missing.keys()) {
      if (earlier <= number) this.#missing.delete(earlier);
    }
    this.#silentIntervals = 0;
    this.#lastConfirmed = arrived.sent;
    if (!this.#isStarving) return;
    this.#isStarving = false;
    this.#allowedSilentIntervals = 1;
    this.#broker.onRecovered();
  }

  /** Redis refuses the channel of the probes. A refused probe must not keep the broker from being `connected`. */
  onRefused(): void {
    // Without a check of the state: after a stop the subscription may still be in the registry.
    this.#subscription = 'none';
    this.#broker.unsubscribe(this.#channel, this);
  }

  /** A new connection is ready. What was lost before is reported as the gap of the outage. */
  onConnected(): void {
    this.#reset();
    if (!this.#isStarving) this.#lastConfirmed = new Date();
  }

  /** Publishes a probe now, without waiting for the interval. */
  probeNow(): void {
    this.#reset();
    this.#publish();
  }

  /** Whether Redis has accepted a probe that has not arrived. */
  get #isMissing(): boolean {
    for (const { isAccepted } of this.#missing.values()) if (isAccepted) return true;
    return false;
  }

  /** Whether a probe has not arrived although what Redis sent after it has. */
  get #isOvertaken(): boolean {
    for (const { isOvertaken } of this.#missing.values()) if (isOvertaken) return true;
    return false;
  }

  /** A probe that has arrived, and waits behind messages that are not read yet, is not missing. */
  #checkWhenRead(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    this.#broker.whenRead(() => {
      this.#isReading = false;
      if (this.#timer) this.#check();
    });
  }

  #check(): void {
    if (!this.#broker.isSubscribed()) {
      this.#reset();
      return;
    }
    if (this.#subscription === 'none') this.#subscribe();
    if (this.#subscription !== 'subscribed') return;
    const isSilent = this.#isOvertaken && ++this.#silentIntervals > this.#allowedSilentIntervals;
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
      onFailed: (error) => {
        if (channel === this.#channel) this.#subscription = 'none';
        this.#warnIfRefused(error);
      },
    });
  }

  #unsubscribe(): void {
    if (this.#subscription === 'none') return;
    this.#subscription = 'none';
    this.#broker.unsubscribe(this.#channel, this);
  }

  #publish(): void {
    const number = ++this.#lastNumber;
    const probe: Probe = { sent: new Date(), isAccepted: false, isOvertaken: false };
    this.#missing.set(number, probe);
    this.#broker.publish(this.#channel, String(number)).then(
      () => {
        probe.isAccepted = true;
        if (this.#missing.get(number) === probe) this.#expectAnswer(probe);
      },
      // A probe that Redis does not accept says nothing about delivery.
      (error: unknown) => {
        this.#missing.delete(number);
        this.#warnIfRefused(error);
      },
    );
  }

  /** Nothing else would say that this check does not run. */
  #warnIfRefused(error: unknown): void {
    if (this.#hasWarned || !(error instanceof CommandRefusedError)) return;
    this.#hasWarned = true;
    this.#log.warn(
      `There is no delivery probe, so a subscriber that receives nothing is not noticed: ${messageOf(error)}. Allow it, or set probeInterval to 0`,
    );
  }

  #expectAnswer(probe: Probe): void {
    this.#broker.ping(() => {
      probe.isOvertaken = true;
    });
  }

  #onSilent(): void {
    this.#reset();
    this.#allowedSilentIntervals = Math.min(this.#allowedSilentIntervals * 2, MAX_SILENT_INTERVALS);
    const isRepeated = this.#isStarving;
    this.#isStarving = true;
    this.#broker.onStarving(isRepeated);
  }

  #reset(): void {
    this.#missing.clear();
    this.#silentIntervals = 0;
  }
}
