import { Redis, type RedisOptions } from 'ioredis';
import { startPrivateRedis, type PrivateRedis } from '../../sample/support/private-redis.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { connectionFaults } from './connection-faults.js';
import { serverFaults } from './server-faults.js';
import { networkFaults } from './network-faults.js';
import { CHANNELS } from './channels.js';
import { createPlainPublisher, type PlainPublisher } from './plain-publisher.js';
import type { Fault, Topology } from './topology.js';

/** The ACL user of the application under test. */
const USER = { username: 'app', password: 'secret' };

/** One Redis, and a proxy on the way from the application to it. */
export class Standalone implements Topology {
  readonly name = 'standalone';
  readonly isSharded = false;
  readonly channels = CHANNELS;
  readonly isLateAllowed = false;
  readonly connections = 2;
  readonly faults: readonly Fault[];
  readonly control: Redis;

  private constructor(
    readonly server: PrivateRedis,
    readonly proxy: TcpProxy,
  ) {
    this.control = new Redis(server.port, {
      connectionName: 'control',
      retryStrategy: () => 20,
      maxRetriesPerRequest: null,
    });
    this.control.on('error', () => undefined);
    this.faults = [...connectionFaults(), ...serverFaults(this), ...networkFaults(this.proxy)];
  }

  static async start(): Promise<Standalone> {
    const acl = ['on', `>${USER.password}`, 'allchannels', 'allkeys', '+@all'];
    const server = await startPrivateRedis(['--user', USER.username, ...acl]);
    const proxy = new TcpProxy(server.port);
    await proxy.start();
    const standalone = new Standalone(server, proxy);
    await standalone.control.ping();
    return standalone;
  }

  get connection(): RedisOptions {
    return { host: '127.0.0.1', port: this.proxy.port, ...USER };
  }

  get direct(): RedisOptions {
    return { host: '127.0.0.1', port: this.server.port };
  }

  createPublisher(): PlainPublisher {
    return createPlainPublisher(this.direct);
  }

  readonly nodes = (): readonly Redis[] => [this.control];

  async stop(): Promise<void> {
    this.control.disconnect();
    await this.proxy.stop();
    await this.server.stop();
  }
}
