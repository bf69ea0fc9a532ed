import type { Redis, RedisOptions } from 'ioredis';
import { SentinelSet } from '../sentinel.js';
import { TcpProxy } from '../tcp-proxy.js';
import { CHANNEL_NAMES } from './channel-names.js';
import { createPlainPublisher, type PlainPublisher } from './plain-publisher.js';
import type { Topology } from './topology.js';

/** A master with a replica, three sentinels, and a proxy between an application and each sentinel. */
export class SentinelTopology implements Topology {
  readonly name = 'Sentinel';
  readonly isSharded = false;
  readonly channelNames = CHANNEL_NAMES;
  readonly isLateAllowed = false;
  readonly connections = 2;

  private constructor(
    readonly set: SentinelSet,
    readonly proxies: readonly TcpProxy[],
  ) {}

  static async start(): Promise<SentinelTopology> {
    const set = await SentinelSet.start();
    const proxies = set.sentinels.map(({ port }) => new TcpProxy(port));
    for (const proxy of proxies) await proxy.start();
    return new SentinelTopology(set, proxies);
  }

  get connection(): RedisOptions {
    // The sentinels name each other by their own ports; a client must connect to the proxies instead.
    const natMap = Object.fromEntries(
      this.set.sentinels.map(({ port }, i) => [`127.0.0.1:${port}`, address(this.proxies[i])]),
    );
    return { sentinels: this.proxies.map(address), name: this.set.name, natMap };
  }

  /** A connection without proxies. It asks the last sentinel first, because faults hit the first one. */
  get direct(): RedisOptions {
    return {
      sentinels: this.set.sentinels.toReversed().map(address),
      name: this.set.name,
      failoverDetector: true,
      sentinelCommandTimeout: 500,
    };
  }

  createPublisher(): PlainPublisher<Redis> {
    return createPlainPublisher(this.direct);
  }

  readonly nodes = (): readonly Redis[] =>
    this.set.nodes.filter(({ answers }) => answers).map(({ client }) => client);

  async stop(): Promise<void> {
    for (const proxy of this.proxies) await proxy.stop();
    await this.set.stop();
  }
}

const address = (server?: { readonly port: number }) => ({
  host: '127.0.0.1',
  port: server?.port ?? 0,
});
