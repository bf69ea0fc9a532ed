import { ClosedError } from '../../errors.js';
import { InFlight } from '../in-flight.js';
import type { MessageBus } from '../message-bus.js';

/** How long events that wait for the first connection hold up an end, in milliseconds. */
const LAST_CHANCE = 1_000;

/** When the messages of a client may go out: its first one connects, where the connections are its own. */
export class ClientStart {
  readonly #bus: MessageBus;
  readonly #ownsBus: boolean;
  #connecting: Promise<void> | undefined;
  /** Whether messages wait for the first attempt, which is on its way. */
  #isBeginning = false;
  /** Events that wait for a start. */
  readonly #early = new InFlight();
  #isEnded = false;

  constructor(bus: MessageBus, ownsBus: boolean) {
    this.#bus = bus;
    this.#ownsBus = ownsBus;
  }

  /** Whether messages go out, or fail, at once; before that they wait for the first attempt. */
  get hasBegun(): boolean {
    const { status } = this.#bus.broker;
    // What waits goes first.
    if (this.#isBeginning || this.#isEnded || status === 'disconnected') return false;
    // On connections of its own a client connects at its first message, and says how that went.
    return status !== 'connecting' || !this.#ownsBus;
  }

  /** See `RedisPubSubClient#connect`. */
  connect(): Promise<void> {
    if (this.#isEnded) return Promise.reject(new ClosedError());
    this.#connecting ??= this.#connect();
    return this.#connecting;
  }

  /** Sends an event now, or when that is possible. */
  emit(send: () => Promise<number>): Promise<number> {
    const starting = this.#starting();
    return starting ? this.#emitLater(starting, send) : send();
  }

  /** Ends what is the client's own, once what waits for it has been sent. */
  async end(): Promise<void> {
    // Connections that are somebody else's are not ours to open again.
    if (!this.#ownsBus) this.#isEnded = true;
    else {
      await this.#early.idle(LAST_CHANCE);
      await this.#bus.close();
    }
  }

  /** What an event waits for; on connections that others share that is their start, as far as `onStart` has it wait. */
  #starting(): Promise<void> | undefined {
    const beginning = this.#ownsBus || this.#isEnded ? undefined : this.#bus.begin();
    return beginning ?? (this.hasBegun ? undefined : this.connect());
  }

  async #emitLater(starting: Promise<void>, send: () => Promise<number>): Promise<number> {
    this.#early.begin();
    try {
      await starting;
      return send();
    } finally {
      this.#early.end();
    }
  }

  #connect(): Promise<void> {
    this.#isBeginning = !this.hasBegun;
    const connecting = this.#bus.broker.connect(0);
    const clear = (): void => {
      this.#connecting = undefined;
      this.#isBeginning = false;
    };
    // Before all that waits for it.
    connecting.then(clear, clear);
    return connecting;
  }
}
