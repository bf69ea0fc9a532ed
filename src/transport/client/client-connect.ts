import type { ReadPacket } from '@nestjs/microservices';
import { Observable, type Subscriber } from 'rxjs';
import { ClosedError, ConnectionError } from '../../errors.js';
import { publishTracing } from '../../telemetry.js';
import { InFlight } from '../in-flight.js';
import type { MessageBus } from '../message-bus.js';

/** How long a close waits for events that wait for the first connection. */
const LAST_EVENTS_TIMEOUT_MS = 1_000;

/** Decides when the messages of a client are sent. The first one connects, if the client has connections of its own. */
export class ClientConnect {
  readonly #bus: MessageBus;
  readonly #ownsBus: boolean;
  readonly #maxEarly: number;
  #connecting: Promise<void> | undefined;
  /** Whether messages wait for a first attempt that is in progress. */
  #isFirstAttempt = false;
  /** Events that wait for the start of the bus. */
  readonly #early = new InFlight();
  #isClosed = false;

  /** `maxEarly` events may wait for the start of the bus. */
  constructor(bus: MessageBus, ownsBus: boolean, maxEarly = Infinity) {
    this.#bus = bus;
    this.#ownsBus = ownsBus;
    this.#maxEarly = maxEarly;
  }

  /** Whether messages are sent, or fail, at once. Before that they wait for the first attempt to connect. */
  get hasConnected(): boolean {
    const { status } = this.#bus.broker;
    // Messages that wait are sent before later ones.
    if (this.#isFirstAttempt || this.#isClosed || status === 'disconnected') return false;
    // With connections of its own the first message reports the outcome of the attempt.
    return status !== 'connecting' || !this.#ownsBus;
  }

  /** See `RedisPubSubClient#connect`. */
  connect(): Promise<void> {
    if (this.#isClosed) return Promise.reject(new ClosedError());
    this.#connecting ??= this.#connect();
    return this.#connecting;
  }

  /** Sends an event now, or after the start of the bus. */
  emit(event: ReadPacket, send: () => Promise<number>): Promise<number> {
    const starting = this.#starting();
    return starting ? this.#emitLater(event, starting, send) : send();
  }

  /**
   * A request for each subscriber, sent now, or when there is a connection. `send` returns a function that cancels it; it may
   * throw.
   */
  request<T>(request: ReadPacket, send: (observer: Subscriber<T>) => () => void): Observable<T> {
    return new Observable<T>((observer) => {
      let cancel: (() => void) | undefined;
      const sendNow = (): void => {
        if (observer.closed) return;
        try {
          cancel = send(observer);
        } catch (error) {
          observer.error(error);
        }
      };
      if (this.hasConnected) sendNow();
      else {
        this.connect().then(sendNow, (error: unknown) => {
          this.#reportUnsent(request, error);
          observer.error(error);
        });
      }
      return () => cancel?.();
    });
  }

  /** Closes connections of its own, after the events that wait for them are sent. */
  async close(): Promise<void> {
    // A client on shared connections must not open them again.
    if (!this.#ownsBus) this.#isClosed = true;
    else {
      await this.#early.idle(LAST_EVENTS_TIMEOUT_MS);
      await this.#bus.close();
    }
  }

  /** What an event waits for. Shared connections are started as the option `onStart` says. */
  #starting(): Promise<void> | undefined {
    const early = this.#ownsBus || this.#isClosed ? undefined : this.#bus.startEarly();
    return early ?? (this.hasConnected ? undefined : this.connect());
  }

  async #emitLater(
    event: ReadPacket,
    starting: Promise<void>,
    send: () => Promise<number>,
  ): Promise<number> {
    if (this.#early.count >= this.#maxEarly) {
      const error = new ConnectionError(
        `Cannot publish: ${this.#maxEarly} events wait for the first connection to Redis already`,
      );
      this.#reportUnsent(event, error);
      throw error;
    }
    this.#early.begin();
    try {
      await starting;
      // Not awaited: it rejects where the caller looks, and not here.
      return send();
    } catch (error) {
      this.#reportUnsent(event, error);
      throw error;
    } finally {
      this.#early.end();
    }
  }

  /** There is no connection for a message: only telemetry needs its packet. */
  #reportUnsent({ pattern, data }: ReadPacket, error: unknown): void {
    if (!publishTracing.hasSubscribers) return;
    try {
      this.#bus.reportUnsent(this.#bus.createPacket(pattern, data), error);
    } catch {
      // A dispatch hook threw, and the caller gets the error of the connection.
    }
  }

  #connect(): Promise<void> {
    this.#isFirstAttempt = !this.hasConnected;
    const connecting = this.#bus.broker.connect(0);
    const clear = (): void => {
      this.#connecting = undefined;
      this.#isFirstAttempt = false;
    };
    // This runs before the callers' own handlers.
    connecting.then(clear, clear);
    return connecting;
  }
}
