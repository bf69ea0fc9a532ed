import type { Redis } from 'ioredis';
import { isReplyError } from './reply-error.js';

/** How a connection is watched, in milliseconds. */
export interface LivenessOptions {
  readonly interval: number;
  readonly timeout: number;
}

/** A new connection that leads nowhere keeps us from one that does, so it gets less patience. */
const HANDSHAKE_TIMEOUT = 1_000;

/**
 * How many deadlines may pass without an answer while other bytes come. A subscriber that is behind
 * reads its answers late; one whose PINGs are lost on their way reads none.
 */
const MAX_UNANSWERED = 3;

/**
 * Finds a half-open connection: one whose other end is gone without a word, as behind a proxy or
 * after a power cut. TCP alone takes many minutes to notice. Sends PING on an interval; when not one
 * byte has come by the deadline, or bytes but no answer by several, the socket is destroyed, and the
 * connection reconnects.
 */
export class LivenessMonitor {
  readonly #client: Redis;
  readonly #options: LivenessOptions;
  readonly #onDead: () => void;
  #interval: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #lastProof = new Date();
  #unanswered = 0;

  constructor(client: Redis, options: LivenessOptions, onDead: () => void) {
    this.#client = client;
    this.#options = options;
    this.#onDead = onDead;
  }

  /** The last moment at which the connection is known to have worked; at most an interval late. */
  get lastProof(): Date {
    return this.#lastProof;
  }

  /** How long a new connection may take to send its first byte, in milliseconds. */
  get handshakeTimeout(): number {
    return Math.min(this.#options.timeout, HANDSHAKE_TIMEOUT);
  }

  /** Watches a connection that has just been made, and owes us its first byte. */
  startHandshake(): void {
    this.start();
    this.#expectBytes(this.handshakeTimeout);
  }

  start(): void {
    this.stop();
    this.#lastProof = new Date();
    this.#unanswered = 0;
    this.#interval = setInterval(() => this.#ping(), this.#options.interval).unref();
  }

  stop(): void {
    clearInterval(this.#interval);
    clearTimeout(this.#deadline);
    this.#interval = this.#deadline = undefined;
  }

  #answered(sent: Date): void {
    this.#lastProof = sent;
    this.#unanswered = 0;
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }

  #ping(): void {
    if (this.#deadline) return;
    const sent = new Date();
    const onAnswer = (): void => this.#answered(sent);
    // Redis says no while it cannot save, for one: that is an answer. A lost connection, and ioredis as it shakes hands, are none.
    this.#client.ping().then(onAnswer, (error: unknown) => isReplyError(error) && onAnswer());
    this.#expectBytes(this.#options.timeout);
  }

  #expectBytes(timeout: number): void {
    const { stream } = this.#client;
    const before = stream.bytesRead;
    this.#deadline = setTimeout(() => {
      this.#deadline = undefined;
      // An event loop that was busy runs this timer before it reads what is waiting on the socket.
      setImmediate(() => {
        const isSilent = stream === this.#client.stream && stream.bytesRead === before;
        if (!this.#interval) return;
        if (!isSilent && ++this.#unanswered < MAX_UNANSWERED) return;
        this.#onDead();
        stream.destroy();
      });
    }, timeout).unref();
  }
}
