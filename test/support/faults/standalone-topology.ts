import { Redis, type RedisOptions } from 'ioredis';
import { startPrivateRedis, type PrivateRedis } from '../../../sample/support/private-redis.js';
import { TcpProxy } from '../tcp-proxy.js';
import { CHANNEL_NAMES } from './channel-names.js';
import { createPlainPublisher, type PlainPublisher } from './plain-publisher.js';
import type { Topology } from './topology.js';

/** The ACL user of an application. */
const USER = { username: 'app', password: 'secret' };

/** One Redis, and a proxy between an application and it. */
export class StandaloneTopology implements Topology {
  readonly name = 'standalone';
  readonly isSharded = false;
  readonly channelNames = CHANNEL_NAMES;
  readonly isLateAllowed = false;
  readonly connections = 2;
  /** A plain client of the server. */
  readonly control: Redis;
  readonly #server: PrivateRedis;

  private constructor(
    server: PrivateRedis,
    readonly proxy: TcpProxy,
  ) {
    this.#server = server;
    this.control = new Redis(server.port, {
      connectionName: 'control',
      retryStrategy: () => 20,
      maxRetriesPerRequest: null,
    });
    this.control.on('error', () => undefined);
  }

  static async start(): Promise<StandaloneTopology> {
    const acl = ['on', `>${USER.password}`, 'allchannels', 'allkeys', '+@all'];
    const server = await startPrivateRedis(['--user', USER.username, ...acl]);
    const proxy = new TcpProxy(server.port);
    await proxy.start();
    const topology = new StandaloneTopology(server, proxy);
    await topology.control.ping();
    return topology;
  }

  /** The port of the server itself. */
  get port(): number {
    return this.#server.port;
  }

  get connection(): RedisOptions {
    return { host: '127.0.0.1', port: this.proxy.port, ...USER };
  }

  /** A connection without the proxy, for the default ACL user. */
  get direct(): RedisOptions {
    return { host: '127.0.0.1', port: this.port };
  }

  createPublisher(): PlainPublisher<Redis> {
    return createPlainPublisher(this.direct);
  }

  readonly nodes = (): readonly Redis[] => [this.control];

  /** Kills the server; resolves when the process has ended. */
  async kill(): Promise<void> {
    process.kill(this.#server.pid, 'SIGKILL');
    await this.#server.stop();
  }

  /** Starts the server after {@link kill}; resolves when it answers. */
  async restart(): Promise<void> {
    await this.#server.start();
    await this.control.ping();
  }

  /** Suspends the server: its sockets stay open, and it does not answer. */
  hang(): void {
    process.kill(this.#server.pid, 'SIGSTOP');
  }

  /** Resumes the server after {@link hang}. */
  resume(): void {
    process.kill(this.#server.pid, 'SIGCONT');
  }

  /** Takes the right to its channels from the ACL user, so Redis closes the subscriber's connection. */
  async denyChannels(): Promise<void> {
    await this.control.call('ACL', 'SETUSER', USER.username, 'resetchannels', '&other.*');
  }

  /** Gives the ACL user the right to every channel. */
  async allowChannels(): Promise<void> {
    await this.control.call('ACL', 'SETUSER', USER.username, 'allchannels');
  }

  async stop(): Promise<void> {
    this.control.disconnect();
    await this.proxy.stop();
    await this.#server.stop();
  }
}
