import type { Deserializer, Serializer } from '@nestjs/microservices';
import type { RedisConnection } from '../broker/connection/redis-connection.js';
import type { CredentialsProvider } from '../broker/connection/credentials.js';
import type { Codec } from '../codec/codec.js';

/**
 * The transport id of this package, for handlers of this transport alone: `@EventPattern('x', REDIS_PUBSUB)`. All
 * copies of the package in a process have the same one, so that a server of one runs the handlers of another.
 */
export const REDIS_PUBSUB: unique symbol = Symbol.for('nestjs-redis-pubsub.REDIS_PUBSUB');

/** Options that `RedisPubSubServer`, `RedisPubSubClient` and `RedisPubSubModule` share. Checked once, at construction. */
export interface RedisPubSubOptions {
  /**
   * Where Redis is: a URL, ioredis options, an ioredis client of your own, or the nodes of a Cluster.
   *
   * @default 'redis://localhost:6379'
   */
  connection?: RedisConnection;

  /**
   * Returns the user and the password for the next attempt to connect, of each connection. Use it for tokens that
   * expire (IAM, Entra ID) and passwords that change. Overrides those of `connection`. If it fails, or takes
   * more than ten seconds, the attempt fails, and the next one calls it again. Not with a client of your own.
   *
   * @default undefined
   */
  credentials?: CredentialsProvider;

  /**
   * Is added to every channel and pattern, and removed from what handlers see: an environment, a
   * tenant, a test run. Redis' database numbers do not separate channels.
   *
   * @default ''
   */
  prefix?: string;

  /**
   * The wire format. `'envelope'`: Nest's packet, which `Transport.REDIS` understands. `'json'`: the
   * bare data, for subscribers in other languages, without requests and headers. Or a codec of your own.
   *
   * @default 'envelope'
   */
  codec?: 'envelope' | 'json' | Codec;

  /**
   * Whether literal channels are sharded: SSUBSCRIBE and SPUBLISH instead of SUBSCRIBE and PUBLISH, which
   * are separate from each other. In a Cluster a message then stays at the nodes of its slot. Needs Redis 7.0.
   * Patterns cannot be sharded: a handler or observer of one needs `sharded: false`.
   *
   * @default false
   */
  sharded?: boolean;

  /**
   * The largest payload, in bytes. A larger one is refused when it is published, and dropped when it is received.
   *
   * @default Infinity
   */
  maxPayloadBytes?: number;

  /**
   * The first segment of the channels that this package uses itself: reply inboxes are called
   * `<reservedSegment>.inbox.<id>`, without the prefix. Clients and servers must have the same. If the
   * id begins with `joined.`, as those of this package do, several replies may arrive as one array.
   *
   * @default '_pubsub'
   */
  reservedSegment?: string;

  /**
   * How many messages may wait while the connection is lost, how many bytes of payloads (characters of text),
   * and how long each message (in milliseconds). They are published in their order when it is back. One that is
   * too many fails at once, one that waits too long fails then, with a `ConnectionError`. `false`: every message
   * fails at once. Requests never wait.
   *
   * @default { maxMessages: 1000, maxAge: 2000, maxBytes: 67108864 }
   */
  publishBuffer?: false | { maxMessages?: number; maxAge?: number; maxBytes?: number };

  /**
   * How many messages, and bytes of payloads (characters of text), may wait for Redis to confirm them, over each
   * connection. A further one fails at once with a `ConnectionError`. Without a limit a Redis that is connected
   * and silent would fill the memory until the heartbeat finds it.
   *
   * @default { maxMessages: 100000, maxBytes: 67108864 }
   */
  publishLimit?: { maxMessages?: number; maxBytes?: number };

  /**
   * Whether the messages of one tick are published by one script (EVAL), in their order. A script has 32 to
   * 512 messages, and at most 256 KiB. It is for bursts: it spares this process most of the work, and costs
   * Redis a little more. Each promise still gets its own outcome. If the user may not call EVAL, that
   * is logged, and each message is a PUBLISH, as messages to shard channels always are.
   *
   * @default false
   */
  batchPublishes?: boolean;

  /**
   * How often, in milliseconds, each connection is checked with a PING.
   *
   * @default 3000
   */
  pingInterval?: number;

  /**
   * How long, in milliseconds, a connection may send nothing after a PING before it is replaced.
   *
   * @default 3000
   */
  pingTimeout?: number;

  /**
   * How often, in milliseconds, the subscriber publishes a message to itself, to check that messages arrive; 0
   * turns this off. A subscriber that is connected and does not receive it is found and replaced within four
   * intervals, also while other messages arrive.
   *
   * @default 5000
   */
  probeInterval?: number;

  /**
   * How often, in milliseconds, a new connection checks which server answers at the address now; 0 turns this
   * off. Connections to another one are replaced, and those to a master that has become a replica. Not with
   * Sentinel and Cluster, which name their servers.
   *
   * @default 30000
   */
  addressCheckInterval?: number;
}

/** Options of `RedisPubSubServer`. */
export interface RedisPubSubServerOptions extends RedisPubSubOptions {
  /**
   * What happens at the start while Redis is down. `'wait'`: waits for it, for `startTimeout`. `'fail'`: fails
   * with the first attempt. `'background'`: starts without it, and connects and subscribes when it is up; a
   * subscription that Redis refuses is logged and tried again.
   *
   * @default 'wait'
   */
  onStart?: 'wait' | 'fail' | 'background';

  /**
   * How long, in milliseconds, the start waits for a Redis that is down.
   *
   * @default 30000
   */
  startTimeout?: number;

  /**
   * How long, in milliseconds, `close` waits for running handlers.
   *
   * @default 5000
   */
  shutdownTimeout?: number;

  /**
   * The transport that decorators may name, as in `@EventPattern('x', REDIS_PUBSUB)`. With
   * `Transport.REDIS` this server takes the handlers that were written for the built-in transport.
   *
   * @default REDIS_PUBSUB
   */
  transportId?: symbol | number;

  /** Nest's hook for outgoing replies; synchronous. */
  serializer?: Serializer;

  /**
   * Nest's hook for incoming packets: receives the decoded payload and `{ channel }`, and returns
   * `{ data, id?, … }`, or a promise of it. It alone then decides what is a packet.
   */
  deserializer?: Deserializer;
}

/** Options of `RedisPubSubClient`. */
export interface RedisPubSubClientOptions extends RedisPubSubOptions {
  /**
   * How long, in milliseconds, a request waits for its next reply; 0 means no limit.
   *
   * @default 30000
   */
  requestTimeout?: number;

  /**
   * `'inbox'`: replies arrive on a private channel of this client. `'compat'`: on `<channel>.reply`,
   * which servers on the built-in `Transport.REDIS` need.
   *
   * @default 'inbox'
   */
  replies?: 'inbox' | 'compat';

  /** Nest's hook for outgoing packets; synchronous. */
  serializer?: Serializer;

  /** Nest's hook for incoming replies. */
  deserializer?: Deserializer;
}

/** Options of `RedisPubSubModule`. */
export interface RedisPubSubModuleOptions
  extends
    RedisPubSubOptions,
    Pick<RedisPubSubServerOptions, 'onStart' | 'startTimeout' | 'shutdownTimeout' | 'transportId'>,
    Pick<RedisPubSubClientOptions, 'requestTimeout' | 'replies'> {
  /**
   * Whether the global pipes, guards, interceptors and filters of the application apply to the handlers
   * that the module runs.
   *
   * @default true
   */
  inheritAppConfig?: boolean;

  /**
   * Whether the module runs the decorated handlers that it finds. `false` is for a process that only publishes,
   * or observes at run time, and shares its Nest modules with processes that handle.
   *
   * @default true
   */
  handlers?: boolean;
}

/** Options of a handler: `@Subscribe('x', { concurrency: 1 })`, or of an `@EventPattern` or `@MessagePattern`. */
export interface HandlerOptions {
  /**
   * How many messages the handler handles at the same time.
   *
   * @default Infinity; 1000 with `order`
   */
  concurrency?: number;

  /**
   * `'channel'`: the messages of one channel are handled one after the other, in their order. Those of other
   * channels are handled at the same time, as many as `concurrency` says.
   */
  order?: 'channel';

  /**
   * How many messages may wait for the handler.
   *
   * @default 10000
   */
  maxQueue?: number;

  /**
   * How many bytes the payloads and channel names of the messages that wait for the handler may have.
   *
   * @default 67108864 (64 MiB)
   */
  maxQueueBytes?: number;

  /**
   * Which message is dropped when `maxQueue` or `maxQueueBytes` is reached: the oldest ones that wait, or the
   * one that arrives. Telemetry reports each drop, and the log how many there were.
   *
   * @default 'drop-oldest'
   */
  overflow?: 'drop-oldest' | 'drop-newest';

  /**
   * Whether the channel is sharded (SSUBSCRIBE).
   *
   * @default the `sharded` of the server
   */
  sharded?: boolean;
}
