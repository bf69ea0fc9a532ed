import { AsyncLocalStorage } from 'node:async_hooks';
import {
  CREATE_TOPOLOGY,
  type Topology,
  type TopologyOptions,
  type TopologyProvider,
} from '../broker/topology-provider.js';
import { replacements } from '../broker/create-topology.js';
import { ClassicAndSharded } from '../broker/subscribing/classic-and-sharded.js';
import type { RedisFaults, RefusableCommand } from './faults.js';
import { InMemoryPublisher } from './in-memory-publisher.js';
import { InMemoryServer } from './in-memory-server.js';
import { InMemorySubscriber } from './in-memory-subscriber.js';

/** How `InMemoryRedis#publish` publishes. */
export interface InMemoryPublishOptions {
  /**
   * Whether the channel is sharded (SPUBLISH).
   *
   * @defaultValue `false`
   */
  readonly sharded?: boolean;
}

/** The server of an {@link InMemoryRedis}, for the other classes of this folder. */
export let serverOf: (redis: InMemoryRedis) => InMemoryServer;

/**
 * A Redis without a server, for tests. All applications, servers and clients that have the same one as `connection`
 * exchange messages. It keeps what this package promises of Redis, and the same conformance suite tests both.
 *
 * It has no socket and nothing to close. Its only timer is that of {@link InMemoryRedis.delay}, so that it works with
 * the fake timers of Vitest and Jest.
 */
export class InMemoryRedis implements TopologyProvider, RedisFaults {
  static {
    serverOf = (redis) => redis.#server;
  }

  readonly #server = new InMemoryServer();

  /**
   * Publishes a message as another service would, also while the applications are cut off.
   *
   * @param channel - Redis' name, prefix included.
   * @param data - Text and bytes are sent as they are, all other values as JSON.
   * @returns The number of subscriptions that it reaches.
   */
  publish(
    channel: string,
    data: unknown,
    { sharded = false }: InMemoryPublishOptions = {},
  ): number {
    const isRaw = typeof data === 'string' || data instanceof Uint8Array;
    const payload = isRaw ? data : (JSON.stringify(data) ?? '');
    return this.#server.publish({ channel, payload, kind: sharded ? 'shard' : 'channel' });
  }

  /**
   * Runs code whose connections all lead here, whatever their addresses: modules, servers and clients that it creates.
   * Use it for code that reads the address of Redis itself. Code that runs at the same time is not affected.
   *
   * @returns What `work` returns.
   */
  run<T>(work: () => T): T {
    const storage = replacements(() => new AsyncLocalStorage());
    return storage ? storage.run(this, work) : work();
  }

  cut(): void {
    this.#server.cut();
  }

  deafen(): void {
    this.#server.deafen();
  }

  refuse(command: RefusableCommand, name?: string): void {
    this.#server.refuse(command, name);
  }

  delay(ms: number): void {
    this.#server.delay(ms);
  }

  dropNext(count?: number): void {
    this.#server.dropNext(count);
  }

  restore(): void {
    this.#server.restore();
  }

  /** @internal */
  [CREATE_TOPOLOGY](options: TopologyOptions, onChange: () => void): Topology {
    const server = this.#server;
    const publisher = new InMemoryPublisher(server, options, onChange);
    const subscriber = new ClassicAndSharded({
      classic: new InMemorySubscriber(server, 'channel', options, onChange),
      sharded: new InMemorySubscriber(server, 'shard', options, onChange),
      startsSharded: options.sharded,
    });
    return { publisher, subscriber };
  }
}
