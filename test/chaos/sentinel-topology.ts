import type { Redis, RedisOptions } from 'ioredis';
import { SentinelSet } from '../support/sentinel.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { connectionFaults } from './connection-faults.js';
import { sentinelFaults } from './sentinel-faults.js';
import { CHANNELS } from './channels.js';
import { createPlainPublisher, type PlainPublisher } from './plain-publisher.js';
import type { Fault, Topology } from './topology.js';

/** A master with a replica, and three sentinels; a proxy on the way from the application to each of them. */
export class SentinelTopology implements Topology {
  readonly name = 'Sentinel';
  readonly isSharded = false;
  readonly channels = CHANNELS;
  readonly isLateAllowed = false;
  readonly connections = 2;
  readonly faults: readonly Fault[];

  private constructor(
    readonly set: SentinelSet,
    readonly proxies: readonly TcpProxy[],
  ) {
    this.faults = [...connectionFaults(), ...sentinelFaults(set, proxies)];
  }

  static async start(): Promise<SentinelTopology> {
    const set = await SentinelSet.start();
    const proxies = set.sentinels.map(({ port }) => new TcpProxy(port));
    for (const proxy of proxies) await proxy.start();
    return new SentinelTopology(set, proxies);
  }

  get connection(): RedisOptions {
    // The sentinels tell of each other, and know nothing of the proxies.
    const natMap = Object.fromEntries(
      this.set.sentinels.map(({ port }, i) => [`127.0.0.1:${port}`, address(this.proxies[i])]),
    );
    return { sentinels: this.proxies.map(address), name: this.set.name, natMap };
  }

  /** Asks first the sentinel that no fault hits, and waits for no other. */
  get direct(): RedisOptions {
    return {
      sentinels: this.set.sentinels.toReversed().map(address),
      name: this.set.name,
      failoverDetector: true,
      sentinelCommandTimeout: 500,
    };
  }

  createPublisher(): PlainPublisher {
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
