import type { MessageView } from '../broker/topology-provider.js';
import type { Delivery } from '../broker/broker.js';
import type { SubscriptionKey } from '../channel/subscription-key.js';
import { ClosedError, ConnectionError } from '../errors.js';
import { Lifecycle } from '../shared/lifecycle.js';
import { ChunkPayload } from '../shared/payload.js';
import { telemetry } from '../telemetry.js';
import { Wire } from './wire.js';

const REASON = 'the in-memory Redis is cut';

/** One side of a broker, which the connection serves. None of the methods may throw. */
export interface ConnectionOwner {
  /** The name of the broker in telemetry. */
  readonly transport: string | undefined;
  readonly role: 'publisher' | 'subscriber';
  readonly view: MessageView | undefined;
  onReady(): void;
  /** All that arrived before `until` is delivered. */
  onLost(until: Date): void;
  onDelivery?(delivery: Delivery): void;
  /** The server delivers nothing from now on. */
  onDeaf?(): void;
  /** The server refuses nothing any more, and delivers. */
  onRestored?(): void;
}

interface Waiter {
  /** Whether the first attempt decides. */
  readonly isImpatient: boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The server that a connection leads to. */
interface ConnectionServer {
  /** Connects now, or as soon as the server can be reached. */
  add(connection: InMemoryConnection): void;
  remove(connection: InMemoryConnection): void;
}

/** A connection to an `InMemoryServer`. It connects again by itself as soon as the server can be reached. */
export class InMemoryConnection {
  readonly wire = new Wire();
  readonly owner: ConnectionOwner;
  /** How many more messages get lost. */
  toDrop = 0;
  readonly #server: ConnectionServer;
  readonly #lifecycle = new Lifecycle();
  readonly #waiters = new Set<Waiter>();
  #isReady = false;
  #lostAt: number | undefined;

  constructor(server: ConnectionServer, owner: ConnectionOwner) {
    this.#server = server;
    this.owner = owner;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get isOpen(): boolean {
    return this.#lifecycle.isOpen;
  }

  /** See `Broker#connect`. */
  async open(timeoutMs: number): Promise<void> {
    this.#lifecycle.open();
    const becomesReady = this.#isReady ? undefined : this.#becomesReady(timeoutMs);
    this.#server.add(this);
    return becomesReady;
  }

  /** Waits for the answers that are under way. After another `open` it connects behind them. */
  async close(): Promise<void> {
    this.#lifecycle.markClosed();
    for (const { reject } of this.#waiters) reject(new ClosedError());
    this.#lostAt = undefined;
    // At once: messages that others publish from now on must not prolong the wait.
    this.#server.remove(this);
    this.onLost();
    // A delay that fake timers hold must not keep an application from closing.
    this.wire.hurry();
    await this.wire.whenEmpty();
  }

  /** The server can be reached. */
  onReady(): void {
    this.#isReady = true;
    this.toDrop = 0;
    this.owner.onReady();
    this.#reportReconnect();
    for (const { resolve } of this.#waiters) resolve();
  }

  /** The server cannot be reached. */
  onConnectFailed(): void {
    for (const { isImpatient, reject } of this.#waiters) {
      if (isImpatient) reject(new ConnectionError(`Cannot connect: ${REASON}`));
    }
  }

  /** The connection is lost, and what was under way since `until`. */
  onLost(until = new Date()): void {
    if (!this.#isReady) return;
    this.#isReady = false;
    if (this.#lifecycle.isOpen) this.#lostAt = performance.now();
    this.owner.onLost(until);
  }

  /** Delivers a message soon, and returns its delivery; none if the message gets lost. */
  deliver(
    { kind, name }: SubscriptionKey,
    channel: string,
    bytes: Buffer,
    delayMs: number,
  ): Delivery | undefined {
    if (this.toDrop > 0 && !this.owner.view?.isReserved(channel)) {
      this.toDrop--;
      return undefined;
    }
    // A copy for each: an application may transfer the memory of its bytes to another thread.
    const payload = new ChunkPayload(Buffer.from(bytes));
    const delivery: Delivery = { kind, subscription: name, channel, payload, decoded: undefined };
    this.wire.add(() => {
      this.owner.onDelivery?.(delivery);
      payload.release();
    }, delayMs);
    return delivery;
  }

  #becomesReady(timeoutMs: number): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const late = `Not connected within ${timeoutMs} ms: ${REASON}`;
      const expire = (): void => waiter.reject(new ConnectionError(late));
      const timer = timeoutMs > 0 ? setTimeout(expire, timeoutMs) : undefined;
      const settle = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        isImpatient: timeoutMs === 0,
        resolve: () => {
          settle();
          resolve();
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      this.#waiters.add(waiter);
    });
  }

  #reportReconnect(): void {
    if (this.#lostAt === undefined) return;
    const outage = performance.now() - this.#lostAt;
    this.#lostAt = undefined;
    if (!telemetry.reconnect.hasSubscribers) return;
    const { transport, role: connection } = this.owner;
    if (transport !== undefined) telemetry.reconnect.publish({ transport, connection, outage });
  }
}
