import type { Redis } from 'ioredis';
import { ClosedError, ConnectionError, messageOf } from '../errors.js';
import type { ConnectionObserver, ConnectionOptions } from './connection-options.js';
import { guardCallbacks } from './client-callbacks.js';
import { retryDelay } from './clients.js';
import { asksForCredentials } from './credentials.js';
import { disconnect } from './disconnect.js';
import { LivenessMonitor } from './liveness.js';
import { OutageReport } from './outage-report.js';
import { ReadyWait } from './ready-wait.js';
import { isLoginRefused } from './reply-error.js';
import type { Watched } from './sentinel/master-watch.js';
import { unreadyReason } from './unready-reason.js';

/** What whoever needs a connection is told that does not come back. */
export const ENDED = 'The connection to Redis has ended';

/**
 * One connection to Redis for its whole life: opens it, tells when it is ready and when it is lost,
 * watches that it is alive, closes it. Reconnecting itself is ioredis' work.
 */
export class Connection {
  readonly client: Redis;
  readonly #options: ConnectionOptions;
  readonly #observer: ConnectionObserver;
  readonly #liveness: LivenessMonitor;
  readonly #report: OutageReport;
  #watched: Watched | undefined;
  #isReady = false;
  #isClosing = false;
  /** How often it was closed: an `open` that waits for something has to notice. */
  closings = 0;
  #closing: Promise<void> | undefined;
  #reopening: NodeJS.Timeout | undefined;
  /** How often it was opened anew without a word of ioredis', since it was ready. */
  #reopenings = 0;
  /** Whether the user's `retryStrategy` said that it is enough. */
  #gaveUp = false;
  #lastError: unknown;
  #isListening = false;
  /** Those of {@link open}. */
  readonly #waiting = new Set<ReadyWait>();

  constructor(client: Redis, options: ConnectionOptions, observer: ConnectionObserver) {
    this.client = client;
    this.#options = options;
    this.#observer = observer;
    this.#report = new OutageReport(options);
    this.#liveness = new LivenessMonitor(client, options.liveness, () => this.#onSilent());
    if (!options.isOwned) return;
    guardCallbacks(client, options.log, (delay) => {
      this.#gaveUp = typeof delay !== 'number';
    });
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** The last moment at which the connection is known to have worked, and to have led to the right server. */
  get lastProof(): Date {
    const { lastProof } = this.#liveness;
    return this.#watched && this.#watched.asOf < lastProof ? this.#watched.asOf : lastProof;
  }

  /** Whether no further attempt will be made. */
  get hasEnded(): boolean {
    return this.client.status === 'end' && (this.#gaveUp || !this.#options.isOwned);
  }

  /** See `Broker#connect`. */
  async open(patience: number): Promise<void> {
    const closings = this.closings;
    await this.#closing;
    if (closings !== this.closings) throw new ClosedError();
    this.#listen();
    // A user's own client may have been ready long before.
    if (!this.#isReady && this.client.status === 'ready') this.#onReady();
    const wasClosed = this.#isClosing;
    this.#isClosing = this.#gaveUp = false;
    if (!this.#isReady) await this.#connect(wasClosed, patience);
  }

  #connect(wasClosed: boolean, patience: number): Promise<void> {
    const { isOwned } = this.#options;
    const isAtEnd = this.client.status === 'end';
    if (isAtEnd && !isOwned) return Promise.reject(this.#connectionError(patience));
    const becomesReady = this.#becomesReady(patience);
    if (this.client.status === 'wait' || (isOwned && (wasClosed || isAtEnd))) {
      // The outcome is taken from the events, which tell of every further attempt as well.
      this.client.connect().catch(() => undefined);
    }
    return becomesReady;
  }

  /** Replaces a connection that is of no use, although it is there; a user's own client stays. */
  restart(reason: string): void {
    this.#lastError = new ConnectionError(reason);
    if (this.#options.isOwned) this.client.stream.destroy();
  }

  /** Sends what is queued, then closes; a user's own client is left alone. */
  close(): Promise<void> {
    this.closings++;
    this.#closing ??= this.#close().finally(() => {
      this.#closing = undefined;
    });
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#reopening);
    this.#liveness.stop();
    for (const wait of this.#waiting) wait.abandon();
    const unwatched = this.#watched?.end();
    if (this.#options.isOwned) await disconnect(this.client);
    else this.#unlisten();
    await unwatched;
    this.#onLostOnce();
  }

  readonly #listeners = {
    connect: (): void => this.#onConnect(),
    ready: (): void => this.#onReady(),
    close: (): void => this.#onClose(),
    end: (): void => this.#onEnd(),
    error: (error: unknown): void => this.#onError(error),
  };

  #listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    for (const [event, listener] of Object.entries(this.#listeners))
      this.client.on(event, listener);
  }

  #unlisten(): void {
    this.#isListening = false;
    for (const [event, listener] of Object.entries(this.#listeners)) {
      this.client.off(event, listener);
    }
  }

  async #becomesReady(patience: number): Promise<void> {
    const asks = asksForCredentials(this.client);
    const wait = new ReadyWait(this.client, {
      patience,
      hasEnded: () => this.hasEnded,
      isHopeless: () => !asks && isLoginRefused(this.#lastError),
      mayComeToSocket: asks,
    });
    this.#waiting.add(wait);
    const isReady = await wait.outcome;
    this.#waiting.delete(wait);
    if (!isReady) throw this.#isClosing ? new ClosedError() : this.#connectionError(patience);
  }

  #connectionError(patience: number): ConnectionError {
    const reason = this.#lastError
      ? messageOf(this.#lastError)
      : unreadyReason(this.client, patience);
    // Redis' own text may end with a full stop.
    const text = `Redis is unreachable: ${reason.replace(/\.$/, '')}. Connection is closed.`;
    return new ConnectionError(text, { cause: this.#lastError });
  }

  /** A proxy may take the connection and lead nowhere: then nothing but silence tells of it. */
  #onConnect(): void {
    if (this.#options.isOwned) this.#liveness.startHandshake();
  }

  #onReady(): void {
    this.#isReady = true;
    this.#reopenings = 0;
    this.#lastError = undefined;
    if (this.#options.isOwned) this.#watch();
    this.#observer.onReady();
    this.#report.ready();
  }

  #watch(): void {
    this.#liveness.start();
    this.#watched = this.#options.masterWatch?.watch(this.client, () =>
      this.restart('the sentinels name another master'),
    );
  }

  #onClose(): void {
    this.#liveness.stop();
    void this.#watched?.end();
    if (this.#isClosing) return;
    if (!this.#isReady) {
      // A server that expects TLS may close without a word: no error tells of that.
      this.#lastError ??= new ConnectionError('the connection was closed before it was ready');
    }
    this.#report.failed(this.#isReady, this.#lastError);
    this.#onLostOnce();
  }

  #onLostOnce(): void {
    if (!this.#isReady) return;
    this.#isReady = false;
    this.#observer.onLost();
  }

  #onEnd(): void {
    if (this.#isClosing) return;
    if (!this.hasEnded) {
      // ioredis was told to disconnect by somebody, or did not even get as far as to a socket.
      this.#report.failed(false, this.#lastError);
      this.#reopenLater();
      return;
    }
    this.#report.ended(this.#lastError);
    this.#observer.onEnded(this.#connectionError(0));
  }

  #reopenLater(): void {
    clearTimeout(this.#reopening);
    this.#reopening = setTimeout(() => {
      this.client.connect().catch(() => undefined);
    }, retryDelay(++this.#reopenings));
  }

  #onError(error: unknown): void {
    this.#lastError = error;
    const { stream } = this.client;
    // ioredis hears the first error of a stream only; a late TLS alert would end the process.
    if (stream?.listenerCount('error') === 0) stream.on('error', () => undefined);
    // While the connection is up nothing else tells of it.
    if (this.#isReady) this.#options.log.error(`${this.#options.role}: ${messageOf(error)}`);
  }

  #onSilent(): void {
    const { interval, timeout } = this.#options.liveness;
    const reason = this.#isReady
      ? `no answer to PING within ${timeout} ms, sent every ${interval} ms`
      : unreadyReason(this.client, this.#liveness.handshakeTimeout);
    this.#lastError = new ConnectionError(reason);
  }
}
