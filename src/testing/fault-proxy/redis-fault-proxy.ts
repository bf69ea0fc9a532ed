import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { ConnectionError, InvalidOptionError, messageOf } from '../../errors.js';
import { checkConnection } from '../../options/connection-check.js';
import { checkReservedSegment } from '../../options/option-checks.js';
import { onlyAddress } from '../../shared/clean-error.js';
import type { RedisFaults, RefusableCommand } from '../faults.js';
import { Refusals } from '../refusals.js';
import { ProxiedConnection } from './proxied-connection.js';

const LOOPBACK = '127.0.0.1';
const REDIS_PORT = 6379;
const RESERVED_SEGMENT = '_pubsub';

/** Options of `RedisFaultProxy.start`. */
export interface RedisFaultProxyOptions {
  /**
   * The option `reservedSegment` of the applications: messages that they send themselves are not dropped.
   *
   * @defaultValue `'_pubsub'`
   */
  readonly reservedSegment?: string;
}

/** Where Redis is, for `node:net`. */
type Target = { readonly host: string; readonly port: number } | { readonly path: string };

/**
 * A proxy in front of a real Redis, which causes the faults of {@link RedisFaults} for the connections that lead through
 * it. Tests give its {@link RedisFaultProxy.url} to the application, and publish to Redis itself as another service would.
 *
 * It is for one server: the nodes of a Cluster and sentinels tell their own addresses, which lead past it.
 */
export class RedisFaultProxy implements RedisFaults {
  readonly #target: Target;
  readonly #url: URL;
  readonly #server: Server;
  readonly #connections = new Set<ProxiedConnection>();
  readonly #faults: { refusals: Refusals; isDeaf: boolean; delayMs: number; reserved: string };
  #isCut = false;

  private constructor(target: Target, url: string, reservedSegment: string) {
    this.#target = target;
    this.#url = new URL(url);
    this.#faults = {
      refusals: new Refusals(),
      isDeaf: false,
      delayMs: 0,
      reserved: `${reservedSegment}.`,
    };
    this.#server = createServer({ noDelay: true }, (client) => this.#accept(client));
  }

  /**
   * Starts a proxy on a free port of the loopback interface.
   *
   * @param target - The `redis://` URL of a server, or the absolute path of its unix socket.
   * @throws InvalidOptionError for any other target, since with TLS the proxy could not read the messages, and for a wrong
   * option. ConnectionError if the server cannot be reached.
   */
  static async start(
    target: string,
    { reservedSegment = RESERVED_SEGMENT }: RedisFaultProxyOptions = {},
  ): Promise<RedisFaultProxy> {
    const isPath = typeof target === 'string' && target.startsWith('/');
    const url = isPath ? `redis://${LOOPBACK}` : checkTarget(target);
    checkReservedSegment('reservedSegment', reservedSegment);
    const proxy = new RedisFaultProxy(
      isPath ? { path: target } : addressIn(url),
      url,
      reservedSegment,
    );
    await proxy.#listen();
    return proxy;
  }

  /** The URL for applications, with the user, the password and the database of the target. */
  get url(): string {
    return this.#url.href;
  }

  /** Cuts every connection. New ones are accepted and reset at once, so that the port stays taken. */
  cut(): void {
    this.#isCut = true;
    for (const connection of this.#connections) connection.cut();
  }

  deafen(): void {
    this.#faults.isDeaf = true;
  }

  /**
   * As {@link RedisFaults.refuse}. A script (EVAL, EVALSHA, FCALL) is refused as a whole if one of its arguments is a
   * refused channel of PUBLISH or SPUBLISH.
   */
  refuse(command: RefusableCommand, name?: string): void {
    this.#faults.refusals.add(command, name);
    for (const connection of this.#connections) if (connection.hasRefused) connection.cut();
  }

  delay(ms: number): void {
    this.#faults.delayMs = ms;
    if (ms === 0) for (const connection of this.#connections) connection.hurry();
  }

  dropNext(count = 1): void {
    for (const connection of this.#connections) connection.toDrop += count;
  }

  /**
   * Ends every fault. Connections with subscriptions are cut if they were deaf: the application then reconnects, and learns
   * of the gap at once. A refused subscription is tried again by the application, after up to 30 seconds.
   */
  restore(): void {
    const wasDeaf = this.#faults.isDeaf;
    this.#isCut = this.#faults.isDeaf = false;
    this.#faults.refusals.clear();
    this.delay(0);
    for (const connection of this.#connections) {
      connection.toDrop = 0;
      if (wasDeaf && connection.isSubscriber) connection.cut();
    }
  }

  /** Ends every connection, and accepts none any more. Idempotent. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cut();
    await closed;
  }

  /** As {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #listen(): Promise<void> {
    const redis = connect(this.#target);
    try {
      await once(redis, 'connect');
    } catch (error) {
      throw new ConnectionError(`Cannot connect to ${nameOf(this.#target)}: ${messageOf(error)}`, {
        cause: error,
      });
    } finally {
      redis.destroy();
    }
    this.#server.listen(0, LOOPBACK);
    await once(this.#server, 'listening');
    this.#url.hostname = LOOPBACK;
    this.#url.port = String((this.#server.address() as AddressInfo).port);
  }

  #accept(client: Socket): void {
    if (this.#isCut) {
      client.on('error', () => undefined).resetAndDestroy();
      return;
    }
    const redis = connect({ ...this.#target, noDelay: true });
    const connection = new ProxiedConnection(client, redis, this.#faults);
    this.#connections.add(connection);
    redis.on('close', () => client.destroyed && this.#connections.delete(connection));
    client.on('close', () => redis.destroyed && this.#connections.delete(connection));
  }
}

function checkTarget(target: unknown): string {
  if (typeof target === 'string') {
    checkConnection('target', target);
    if (target.startsWith('redis:')) return target;
  }
  throw new InvalidOptionError(
    'target',
    'a redis:// URL or the absolute path of a unix socket, without TLS',
    onlyAddress(target),
  );
}

function addressIn(url: string): Target {
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || REDIS_PORT) };
}

function nameOf(target: Target): string {
  return 'path' in target ? target.path : `${target.host}:${target.port}`;
}
