import type { Redis } from 'ioredis';
import { ClosedError, ConnectionError } from '../../errors.js';
import { runOutside } from '../../shared/async-context.js';
import { Lifecycle } from '../../shared/lifecycle.js';
import { installAdmission } from './admission.js';
import { connectionError, failureOf, isInfoUnknown } from './connect-failure.js';
import { retryDelay } from './create-clients.js';
import { hasCredentialsProvider } from './credentials.js';
import { disconnect } from './disconnect.js';
import { guardCallbacks } from './guard-callbacks.js';
import { Heartbeat, type HeartbeatOptions } from './heartbeat.js';
import { IdleCloses } from './idle-closes.js';
import { guardReplies, onServerInfo, onSocket, type ServerInfo } from './ioredis-internals.js';
import { LatestFailure } from './latest-failure.js';
import { OutageLog, type OutageLogOptions } from './outage-log.js';
import { isReady, ReadyWait, unreadyReason } from './ready-wait.js';
import { isLoginRefused } from './redis-error.js';
import { isOfAllSentinels } from './sentinel-failures.js';
import { detailsOf, serverOf } from './server-name.js';
import type { ServerWatch, WatchedConnection } from './server-watch.js';

/** How a {@link Connection} works. */
export interface ConnectionOptions extends HeartbeatOptions, OutageLogOptions {
  /** Whether the client is ours to connect, watch and close, or a user's. */
  readonly isOwned: boolean;
  /** Watches that the server is still the right one. */
  readonly serverWatch?: ServerWatch | undefined;
}

/** Observes a connection. */
export interface ConnectionObserver {
  onReady(): void;
  onLost(): void;
  /** There will be no further attempt to connect. */
  onEnded(error: ConnectionError): void;
}

/** The error text for a connection that is not retried any more. */
export const CONNECTION_ENDED = 'The connection to Redis has ended';

/**
 * One connection to Redis for its whole life. Opens it, reports when it is ready and when it is lost,
 * checks that it is alive, and closes it. To reconnect is the task of ioredis.
 */
export class Connection {
  readonly client: Redis;
  readonly lifecycle = new Lifecycle();
  readonly #options: ConnectionOptions;
  readonly #observer: ConnectionObserver;
  readonly #heartbeat: Heartbeat;
  readonly #outageLog: OutageLog;
  readonly #idleCloses: IdleCloses;
  #watched: WatchedConnection | undefined;
  #isReady = false;
  #reopenTimer: NodeJS.Timeout | undefined;
  /** How often this class connected the client since it was last ready. */
  #reopenings = 0;
  /** Whether the user's `retryStrategy` asked for no further attempt. */
  #hasGivenUp = false;
  readonly #failure = new LatestFailure();
  #info: ServerInfo = {};
  #isListening = false;
  readonly #waits = new Set<ReadyWait>();

  constructor(client: Redis, options: ConnectionOptions, observer: ConnectionObserver) {
    this.client = client;
    this.#options = options;
    this.#observer = observer;
    this.#outageLog = new OutageLog(options);
    this.#idleCloses = new IdleCloses(options);
    this.#heartbeat = new Heartbeat(client, options, () => this.#onSilent());
    if (!options.isOwned) return;
    guardReplies(client);
    guardCallbacks(client, options.log, (delay) => {
      this.#hasGivenUp = typeof delay !== 'number';
    });
    onSocket(client, (socket) => this.#failure.watchAttempt(socket));
    this.#failure.watchSentinels(client);
    installAdmission(client, options.serverWatch);
    onServerInfo(client, (info) => this.#accepts(info));
  }

  /** What the server has answered to INFO; empty if ioredis does not ask. */
  get info(): ServerInfo {
    return this.#info;
  }

  /** Whether commands can be sent. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** When the last PING was sent that is answered, or when the connection was made. */
  get lastAnswered(): Date {
    return this.#heartbeat.lastConfirmed;
  }

  /** The last time at which the connection is known to have worked, and to have led to the right server. */
  get lastConfirmed(): Date {
    const { lastConfirmed } = this.#heartbeat;
    const watched = this.#watched;
    return watched && watched.lastConfirmed < lastConfirmed ? watched.lastConfirmed : lastConfirmed;
  }

  /** Whether no further attempt will be made. */
  get hasEnded(): boolean {
    return this.client.status === 'end' && (this.#hasGivenUp || !this.#options.isOwned);
  }

  /** See `Broker#connect`. */
  async open(timeoutMs: number): Promise<void> {
    const { generation } = this.lifecycle;
    await this.lifecycle.closing;
    if (!this.lifecycle.isCurrent(generation)) throw new ClosedError();
    this.#listen();
    // A user's own client may have been ready long before.
    if (!this.#isReady) this.#onReady();
    const wasClosed = this.lifecycle.isClosed;
    this.lifecycle.open();
    this.#hasGivenUp = false;
    if (!this.#isReady) await this.#connect(wasClosed, timeoutMs);
  }

  #connect(wasClosed: boolean, timeoutMs: number): Promise<void> {
    const { isOwned } = this.#options;
    const isAtEnd = this.client.status === 'end';
    if (isAtEnd && !isOwned) return Promise.reject(this.#connectionError(timeoutMs));
    const becomesReady = this.#becomesReady(timeoutMs);
    if (this.client.status === 'wait' || (isOwned && (wasClosed || isAtEnd))) {
      // The events report the outcome, and that of every further attempt.
      this.client.connect().catch(() => undefined);
    }
    return becomesReady;
  }

  /** Replaces a connection that is up and does not work. A user's own client is left alone. */
  restart(reason: string): void {
    this.#fail(new ConnectionError(reason));
    if (this.#options.isOwned) this.client.stream.destroy();
  }

  /** Sends what is queued, then closes. A user's own client is left alone. */
  close(): Promise<void> {
    return this.lifecycle.close(() => this.#close());
  }

  async #close(): Promise<void> {
    clearTimeout(this.#reopenTimer);
    this.#heartbeat.stop();
    this.#idleCloses.stop();
    for (const wait of this.#waits) wait.cancel();
    const unwatched = this.#watched?.stop();
    // Nothing may be sent after QUIT: Redis has closed its end by then.
    this.#setLost();
    if (this.#options.isOwned) await disconnect(this.client);
    else this.#unlisten();
    await unwatched;
  }

  readonly #listeners = {
    connecting: (): void => this.#onConnecting(),
    connect: (): void => this.#onConnect(),
    // An answer may arrive while the connection is closed.
    ready: (): void => {
      if (!this.lifecycle.isClosed) this.#onReady();
    },
    close: (): void => this.#onClose(),
    end: (): void => this.#onEnd(),
    error: (error: unknown): void => this.#onError(error),
  };

  #listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    this.#outageLog.connecting(serverOf(this.client));
    for (const [event, listener] of Object.entries(this.#listeners))
      this.client.on(event, listener);
  }

  #unlisten(): void {
    this.#isListening = false;
    for (const [event, listener] of Object.entries(this.#listeners)) {
      this.client.off(event, listener);
    }
  }

  async #becomesReady(timeoutMs: number): Promise<void> {
    const mayChangeLogin = hasCredentialsProvider(this.client);
    const wait = new ReadyWait(this.client, {
      timeoutMs,
      hasEnded: () => this.hasEnded,
      isHopeless: () => !mayChangeLogin && isLoginRefused(this.#failure.error),
      mayOpenSocketLater: mayChangeLogin,
    });
    this.#waits.add(wait);
    const isReady = await wait.outcome;
    this.#waits.delete(wait);
    if (isReady) return;
    throw this.lifecycle.isClosed ? new ClosedError() : this.#connectionError(timeoutMs);
  }

  #connectionError(timeoutMs: number): ConnectionError {
    const unready = failureOf(undefined, unreadyReason(this.client, timeoutMs));
    return connectionError(serverOf(this.client), this.#failure.value ?? unready);
  }

  #fail(error: unknown): void {
    this.#failure.set(error, this.#isReady);
  }

  #onConnecting(): void {
    this.#failure.startAttempt();
    this.#outageLog.connecting(serverOf(this.client));
  }

  /** A proxy may accept the connection and lead nowhere: then silence is the only sign. */
  #onConnect(): void {
    if (this.#options.isOwned) this.#heartbeat.startHandshake();
  }

  #onReady(): void {
    if (!isReady(this.client)) return;
    this.#isReady = true;
    this.#reopenings = 0;
    this.#failure.clear();
    this.#watch();
    this.#outageLog.ready(detailsOf(this.client, this.#info));
    this.#observer.onReady();
  }

  #watch(): void {
    if (this.#options.isOwned) {
      this.#heartbeat.start();
      this.#idleCloses.opened(this.client.stream);
    }
    this.#watched = this.#options.serverWatch?.watch(this.client, (reason) =>
      this.#onWrongServer(reason),
    );
  }

  #onWrongServer(reason: string): void {
    if (this.#options.isOwned) this.restart(reason);
    else this.#outageLog.wrongServer(reason);
  }

  #accepts(info: ServerInfo): boolean {
    this.#info = info;
    const reason = this.#options.serverWatch?.refuse?.(this.client, info);
    if (reason !== undefined) this.#fail(new ConnectionError(reason));
    return reason === undefined;
  }

  #onClose(): void {
    this.#heartbeat.stop();
    void this.#watched?.stop();
    if (this.lifecycle.isClosed) return;
    // A server may close the connection without an error.
    if (!this.#isReady && this.#failure.isOld) this.#fail(undefined);
    this.#outageLog.failed(this.#isReady, this.#failure.value?.reason);
    this.#noteClose();
    this.#setLost();
  }

  #noteClose(): void {
    const isOurs = this.#failure?.error instanceof ConnectionError;
    if (!this.#isReady || isOurs || !this.#options.isOwned) return;
    this.#idleCloses.closed(this.client.stream, serverOf(this.client));
  }

  #setLost(): void {
    if (!this.#isReady) return;
    this.#isReady = false;
    this.#observer.onLost();
  }

  #onEnd(): void {
    if (this.lifecycle.isClosed) return;
    if (!this.hasEnded) {
      // The application called `disconnect` on the client, or an attempt failed before it had a socket.
      this.#outageLog.failed(false, this.#failure.value?.reason);
      this.#reopenLater();
      return;
    }
    this.#outageLog.ended(this.#failure.value?.reason);
    this.#observer.onEnded(this.#connectionError(0));
  }

  #reopenLater(): void {
    clearTimeout(this.#reopenTimer);
    const reopen = (): void => void this.client.connect().catch(() => undefined);
    // The application may have disconnected the client within a request.
    this.#reopenTimer = runOutside(() => setTimeout(reopen, retryDelay(++this.#reopenings)));
  }

  #onError(error: unknown): void {
    const { stream, options, status } = this.client;
    // ioredis listens to the first error of a stream only; a late TLS alert would end the process.
    if (stream?.listenerCount('error') === 0) stream.on('error', () => undefined);
    // Of a lost connection ioredis 5 also reports its own commands in flight, which is not the cause.
    if (['close', 'reconnecting'].includes(status)) return;
    // What follows says less than the reply of Redis before it.
    if (!this.#failure.isCauseOf(error)) this.#fail(error);
    // While the connection is up no other event reports it.
    if (this.#isReady) this.#outageLog.stillConnected(error);
    else if (isOfAllSentinels(error)) this.#outageLog.failed(false, this.#failure.value?.reason);
    else if (this.#options.isOwned && isInfoUnknown(error)) options.enableReadyCheck = false;
  }

  #onSilent(): void {
    const { pingInterval, pingTimeout } = this.#options;
    const reason = this.#isReady
      ? `no answer to PING within ${pingTimeout} ms, sent every ${pingInterval} ms`
      : unreadyReason(this.client, this.#heartbeat.handshakeTimeoutMs);
    this.#fail(new ConnectionError(reason));
  }
}
