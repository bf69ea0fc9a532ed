import { performance } from 'node:perf_hooks';
import type { Redis } from 'ioredis';
import { whenReadDry } from './read-dry.js';
import { isReplyError } from './redis-error.js';

/** How often a connection is checked with a PING, and how long it may stay silent after one; in milliseconds. */
export interface HeartbeatOptions {
  readonly pingInterval: number;
  readonly pingTimeout: number;
}

/** Shorter than the timeout of a PING: a new connection that leads nowhere delays one that works. */
const HANDSHAKE_TIMEOUT_MS = 1_000;

/** How many deadlines may pass without an answer while other bytes arrive. Where PINGs are lost there never is one. */
const MAX_UNANSWERED = 3;

/**
 * How long there may be no answer while as much arrives as after a burst, whatever the interval: Redis sends its
 * answer after all messages that it holds for this connection. It gives a subscriber a minute for that, too.
 *
 * @see https://redis.io/docs/latest/develop/reference/clients/#output-buffer-limits
 */
const MAX_BURST_MS = 60_000;

/** A process that works for this part of the time reads its messages more slowly than Redis sends them. */
const BUSY = 0.95;

/** As many bytes between a PING and its deadline are a burst. */
const BURST_BYTES = 65_536;

/** The event loop's use of time, as Node counts it. */
type LoopUse = ReturnType<typeof performance.eventLoopUtilization>;

/** Calls `onAnswer` when Redis has answered a PING. */
export function sendPing(client: Redis, onAnswer: () => void): void {
  // An error reply is an answer, too: Redis sends one while it cannot save, for example. Other errors
  // come from ioredis, without an answer of Redis.
  client.ping().then(onAnswer, (error: unknown) => isReplyError(error) && onAnswer());
}

/**
 * Detects a half-open connection, whose other end is gone without closing it, as behind a proxy or after a
 * power cut. TCP alone takes many minutes. Sends a PING on an interval. When no byte arrives by the
 * deadline, or bytes but no answer by several deadlines, it destroys the socket, and ioredis reconnects.
 * A deadline counts once the socket was read dry after it: until then the answer may stand behind messages
 * that this process has not read yet. In a burst they may also be in Redis' output buffer, so that deadlines do not
 * count for a minute, nor later while this process is busy.
 *
 * @see https://redis.io/docs/latest/commands/ping/
 */
export class Heartbeat {
  readonly #client: Redis;
  readonly #options: HeartbeatOptions;
  readonly #onDead: () => void;
  readonly #loopUse: (since?: LoopUse) => LoopUse;
  #interval: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #lastConfirmed = new Date();
  #unanswered = 0;

  /** `onDead` is called before the socket is destroyed. `loopUse` is that of Node, except in tests. */
  constructor(
    client: Redis,
    options: HeartbeatOptions,
    onDead: () => void,
    loopUse: (since?: LoopUse) => LoopUse = performance.eventLoopUtilization,
  ) {
    this.#loopUse = loopUse;
    this.#client = client;
    this.#options = options;
    this.#onDead = onDead;
  }

  /** The last time at which the connection is known to have worked; at most one interval old. */
  get lastConfirmed(): Date {
    return this.#lastConfirmed;
  }

  /** How long a new connection may take to send its first byte. */
  get handshakeTimeoutMs(): number {
    return Math.min(this.#options.pingTimeout, HANDSHAKE_TIMEOUT_MS);
  }

  /** Checks a new connection, which has to send its first byte soon. */
  startHandshake(): void {
    this.start();
    this.#expectBytes(this.handshakeTimeoutMs);
  }

  /** Starts to send PINGs over the current connection. */
  start(): void {
    this.stop();
    this.#lastConfirmed = new Date();
    this.#unanswered = 0;
    this.#interval = setInterval(() => this.#ping(), this.#options.pingInterval).unref();
  }

  /** Stops all timers. */
  stop(): void {
    clearInterval(this.#interval);
    clearTimeout(this.#deadline);
    this.#interval = this.#deadline = undefined;
  }

  #answered(sent: Date): void {
    this.#lastConfirmed = sent;
    this.#unanswered = 0;
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }

  #ping(): void {
    if (this.#deadline) return;
    const sent = new Date();
    sendPing(this.#client, () => this.#answered(sent));
    this.#expectBytes(this.#options.pingTimeout);
  }

  #expectBytes(timeoutMs: number): void {
    const { stream } = this.#client;
    const bytesBefore = stream.bytesRead;
    const useBefore = this.#loopUse();
    const deadline = setTimeout(() => {
      whenReadDry(stream, () => {
        // It was answered, or stopped, in the meantime.
        if (deadline !== this.#deadline) return;
        this.#deadline = undefined;
        const bytes = stream === this.#client.stream ? stream.bytesRead - bytesBefore : 1;
        if (bytes > 0 && !this.#isOverdue(bytes, useBefore)) return;
        this.#onDead();
        stream.destroy();
      });
    }, timeoutMs).unref();
    this.#deadline = deadline;
  }

  /** Whether a deadline that passed without an answer, and with these bytes, was one too many. */
  #isOverdue(bytes: number, useBefore: LoopUse): boolean {
    if (bytes >= BURST_BYTES) {
      const silentMs = Date.now() - this.#lastConfirmed.getTime();
      if (silentMs < MAX_BURST_MS || this.#loopUse(useBefore).utilization >= BUSY) return false;
    }
    return ++this.#unanswered >= MAX_UNANSWERED;
  }
}
