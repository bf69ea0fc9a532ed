import { hasBrand } from '../shared/brand.js';
import type { Payload } from '../shared/payload.js';
import type { BrokerOptions } from './broker-options.js';
import type { RedisConnection } from './connection/redis-connection.js';
import type { Publisher } from './publishing/publisher.js';
import type { ClassicAndSharded } from './subscribing/classic-and-sharded.js';

/** The two sides of a broker, over the servers that it is connected to. */
export interface Topology {
  readonly publisher: Publisher;
  readonly subscriber: ClassicAndSharded;
}

/** The method of a {@link TopologyProvider}. All copies of the package have it in common. */
export const CREATE_TOPOLOGY: unique symbol = Symbol.for('nestjs-redis-pubsub.create-topology');

/**
 * A value for the option `connection` that leads to no server, and carries the messages itself. `InMemoryRedis` of
 * `nestjs-redis-pubsub/testing` is one.
 */
export interface TopologyProvider {
  /** @internal */
  [CREATE_TOPOLOGY](options: TopologyOptions, onChange: () => void): Topology;
}

/** The options of a {@link Topology}. */
export type TopologyOptions = Omit<BrokerOptions, 'connection'> & {
  readonly connection: RedisConnection | TopologyProvider;
  /** For a {@link TopologyProvider}. */
  readonly view?: MessageView;
};

/** How an application sees the messages of its broker. */
export interface MessageView {
  /** Comes before the name of each channel. */
  readonly prefix: string;
  /** The message in a payload; `undefined` for a reply of Nest. `channel` is without the prefix. */
  readonly decode: (payload: Payload, channel: string) => ViewedMessage | undefined;
  /** Whether this package uses a channel itself, by Redis' name. */
  readonly isReserved: (name: string) => boolean;
}

/** A message as handlers see it. */
export interface ViewedMessage {
  readonly data: unknown;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Whether a value takes the place of Redis, of this copy of the package or another. */
export function isTopologyProvider(value: unknown): value is TopologyProvider {
  return hasBrand(value, CREATE_TOPOLOGY);
}
