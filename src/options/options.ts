import type { Deserializer, Serializer } from '@nestjs/microservices';
import type { TopologyProvider } from '../broker/topology-provider.js';
import type { RedisConnection } from '../broker/connection/redis-connection.js';
import type { CredentialsProvider } from '../broker/connection/credentials.js';
import type { Codec } from '../codec/codec.js';

/**
 * The transport id of this package, for handlers of this transport alone: `@EventPattern('x', REDIS_PUBSUB)`. All
 * copies of the package in a process have the same one, so that a server of one runs the handlers of another.
 */
export const REDIS_PUBSUB: unique symbol = Symbol.for('nestjs-redis-pubsub.REDIS_PUBSUB');

/** How much Redis keeps of a channel with history. */
export interface HistoryLimits {
  /** How many messages. The oldest one goes when a further one is published. */
  readonly size: number;
  /** How long after the last message of the channel, in milliseconds. */
  readonly ttl: number;
}

/** Options of `RedisPubSubServer`, `RedisPubSubClient` and `RedisPubSubModule`. Each constructor checks them once. */
export interface RedisPubSubOptions {
  /**
   * The name of this module, server or client in telemetry. Each event has it as its `transport`. Give each its own name
   * if an application has several. Logs and Redis do not show it.
   *
   * @defaultValue `'redis-pubsub'`
   */
  name?: string;

  /**
   * Where Redis is. A URL, ioredis options, an ioredis client of your own, or the nodes of a Cluster. The options may
   * have a `url` beside other fields, as in `{ url, connectTimeout }`. The key with the value `undefined` is an
   * error, so that a missing variable does not lead to localhost.
   *
   * Your own client publishes, and a `duplicate()` of it subscribes. This package watches and closes only the
   * duplicate. With the defaults of ioredis, your client may publish a message twice after a lost connection:
   * `maxRetriesPerRequest: 0` prevents that.
   *
   * In tests it may be an `InMemoryRedis` of `nestjs-redis-pubsub/testing`, which needs no server.
   *
   * @defaultValue `'redis://localhost:6379'`
   */
  connection?: RedisConnection | TopologyProvider;

  /**
   * Returns the user and the password for the next attempt to connect. Each connection calls it before each attempt.
   * Use it for tokens that expire (IAM, Entra ID) and for passwords that change. It overrides the login of
   * `connection`. An attempt fails if the function fails or takes more than ten seconds; the next attempt calls it
   * again. Keep a token for as long as it is valid: in a Cluster, each refresh of the topology connects once more,
   * about once a second. It is an error beside a client of your own.
   *
   * @defaultValue none
   */
  credentials?: CredentialsProvider;

  /**
   * Text before the name of every channel and pattern at Redis. Handlers see the names without it. Use it for an
   * environment, a tenant or a test run. The number of a database at Redis does not separate channels, and the
   * `keyPrefix` of ioredis does not change their names.
   *
   * @defaultValue `''`
   */
  prefix?: string;

  /**
   * The wire format of all messages. With `'envelope'` it is Nest's packet, which `Transport.REDIS` understands. With
   * `'json'` it is the bare data, for subscribers in other languages. Bare data carries no requests and no headers. A
   * codec of your own converts values to bytes.
   *
   * @defaultValue `'envelope'`
   */
  codec?: 'envelope' | 'json' | Codec;

  /**
   * The formats that are read beside that of `codec`. So instances can change their codec one after the other. What is
   * published has the format of `codec`. A codec reads a payload that it `recognizes`. The one codec that
   * cannot tell, such as `'envelope'`, reads all others. Bare data cannot be told apart, and `'json'` is no value here.
   *
   * @defaultValue `[]`
   */
  accepts?: readonly ('envelope' | Codec)[];

  /**
   * Whether each message has an id, and lost messages are counted. The id is one more key in Nest's packet, which
   * `Transport.REDIS` ignores, and takes up to 40 bytes. Bare data has no place for it.
   *
   * @defaultValue `true`
   */
  messageIds?: boolean;

  /**
   * The channels whose last messages Redis keeps, by pattern. The first pattern that matches a channel decides, in the
   * order of this object. Services that publish and services that recover need the same value. Messages need an id:
   * it is an error with `messageIds: false`, and with a `codec` for bare data.
   *
   * @defaultValue none
   * @see https://nestjs-redis-pubsub.github.io/nestjs-redis-pubsub/guide/history-and-recovery
   */
  history?: Readonly<Record<string, HistoryLimits>>;

  /**
   * Whether literal channels are sharded: SSUBSCRIBE and SPUBLISH. In a Cluster, a message then stays at the nodes of
   * its slot. Sharded and classic channels of one name are separate. Needs Redis 7.0. Patterns cannot be sharded: a
   * handler or an observer of a pattern needs `sharded: false`.
   *
   * @defaultValue `false`
   */
  sharded?: boolean;

  /**
   * The largest payload, in bytes. A larger one is refused when it is published, and dropped when it arrives. Redis
   * has a limit of its own: `client-output-buffer-limit pubsub` disconnects a slow subscriber, by default above 32
   * MB.
   *
   * @defaultValue `Infinity`
   */
  maxPayloadBytes?: number;

  /**
   * The first segment of the channels that this package uses itself. Reply inboxes are called
   * `<reservedSegment>.inbox.<id>`, without the prefix. Clients and servers need the same value. Where the id begins
   * with `joined.`, as in the inboxes of this package, several replies may arrive as one array.
   *
   * @defaultValue `'_pubsub'`
   */
  reservedSegment?: string;

  /**
   * How many messages may wait while the connection is lost. They are published in their order when it is back. A
   * message that is too many fails at once with a `ConnectionError`. A message that becomes too old fails then. With
   * `false`, every message fails at once. In a Cluster, messages also wait until its nodes are known. Requests never
   * wait.
   *
   * @defaultValue `{ maxMessages: 1000, maxAge: 2000, maxBytes: 67108864 }`
   */
  publishBuffer?:
    | false
    | {
        /**
         * How many messages may wait.
         *
         * @defaultValue `1000`
         */
        maxMessages?: number;
        /**
         * How long one message may wait, in milliseconds.
         *
         * @defaultValue `2000`
         */
        maxAge?: number;
        /**
         * The size of all payloads that wait, in bytes. Each character of text counts as one.
         *
         * @defaultValue `67108864` (64 MiB)
         */
        maxBytes?: number;
      };

  /**
   * How many messages may wait for Redis to confirm them, over each connection. A further one fails at once with a
   * `ConnectionError`. Without a limit, a Redis that is connected and silent would fill the memory until the
   * heartbeat notices.
   *
   * @defaultValue `{ maxMessages: 100000, maxBytes: 67108864 }`
   */
  publishLimit?: {
    /**
     * How many messages may wait for a confirmation.
     *
     * @defaultValue `100000`
     */
    maxMessages?: number;
    /**
     * The size of all payloads that wait, in bytes. Each character of text counts as one.
     *
     * @defaultValue `67108864` (64 MiB)
     */
    maxBytes?: number;
  };

  /**
   * Whether one script (EVAL) publishes the messages of one tick. It keeps their order, and each promise gets its own
   * outcome. A script has 32 to 512 messages, and at most 256 KiB; fewer messages are a PUBLISH each. Use it for
   * bursts: this process spends less, and Redis spends 1.9 times what PUBLISH costs it. Where the user may not call
   * EVAL, the log says so, and each message is a PUBLISH. Messages to shard channels never use it.
   *
   * @defaultValue `false`
   */
  batchPublishes?: boolean;

  /**
   * How often each connection is checked with a PING, in milliseconds. Behind a proxy that closes idle connections,
   * it must be below the timeout of the proxy.
   *
   * @defaultValue `3000`
   */
  pingInterval?: number;

  /**
   * How long a connection may be silent after a PING, in milliseconds. Then it is replaced. A payload that takes longer
   * than this to send can be cut off, since the PING waits behind it. Large payloads over slow links need more.
   *
   * @defaultValue `3000`
   */
  pingTimeout?: number;

  /**
   * How often the subscriber publishes a message to itself, in milliseconds. This delivery probe checks that messages
   * arrive. A subscriber that is connected and does not receive the probe is replaced within four intervals, also
   * while other messages arrive. The value 0 turns the probe off.
   *
   * @defaultValue `5000`
   */
  probeInterval?: number;

  /**
   * How often a new connection asks which server answers at the address, in milliseconds. If another server answers,
   * the connections are replaced. A connection to a master that has become a replica is replaced, too. The value 0
   * turns the check off. Sentinel and Cluster name their servers, and need no check.
   *
   * @defaultValue `30000`
   */
  addressCheckInterval?: number;
}

/** Options of `RedisPubSubServer`. */
export interface RedisPubSubServerOptions extends RedisPubSubOptions {
  /**
   * What the start does while Redis is down. With `'wait'` it waits for Redis, up to `startTimeout`. With `'fail'` it
   * fails with the first attempt. With `'background'` it goes on without Redis, so that the application serves HTTP,
   * and subscribes when Redis is up. A subscription that Redis refuses is then logged and tried again.
   *
   * @defaultValue `'wait'`
   */
  onStart?: 'wait' | 'fail' | 'background';

  /**
   * How long the start waits for a Redis that is down, in milliseconds.
   *
   * @defaultValue `30000`
   */
  startTimeout?: number;

  /**
   * How long `close` waits for running handlers, in milliseconds.
   *
   * @defaultValue `5000`
   */
  shutdownTimeout?: number;

  /**
   * The transport that decorators may name, as in `@EventPattern('x', REDIS_PUBSUB)`. With `Transport.REDIS` this
   * server takes the handlers that were written for the built-in transport.
   *
   * @defaultValue `REDIS_PUBSUB`
   */
  transportId?: symbol | number;

  /**
   * What to do about `notify-keyspace-events`, which handlers and observers of keys need. It is a setting of Redis. With
   * `'check'`, each master is asked for it, and a warning names what is missing. Where the user may not call CONFIG,
   * nothing is logged. With `'set'`, what is missing is added, at every start and after every outage. With `'ignore'`,
   * Redis is not asked.
   *
   * @defaultValue `'check'`
   */
  notify?: 'check' | 'set' | 'ignore';

  /**
   * Whether the instance answers the questions of `PubSubInspector`. Its answers say what it is, which handlers it has,
   * and what they have done. Each client of Redis that may use the reserved channels can ask. No answer has a payload.
   *
   * @defaultValue `true`
   */
  introspection?: boolean;

  /**
   * Nest's hook for outgoing replies. It is synchronous.
   *
   * @defaultValue none
   */
  serializer?: Serializer;

  /**
   * Nest's hook for incoming packets. It receives the decoded payload and `{ channel }`, and returns `{ data, id?, …
   * }` or a promise of it. It alone then decides what is a packet.
   *
   * @defaultValue none
   */
  deserializer?: Deserializer;
}

/** Options of `RedisPubSubClient`. */
export interface RedisPubSubClientOptions extends RedisPubSubOptions {
  /**
   * How long a request waits for its next reply, in milliseconds. The value 0 means no limit.
   *
   * @defaultValue `30000`
   */
  requestTimeout?: number;

  /**
   * Where replies arrive. With `'inbox'`: on a private channel of this client. With `'compat'`: on `<channel>.reply`,
   * as servers on the built-in `Transport.REDIS` need it.
   *
   * @defaultValue `'inbox'`
   */
  replies?: 'inbox' | 'compat';

  /**
   * Nest's hook for outgoing packets. It is synchronous.
   *
   * @defaultValue none
   */
  serializer?: Serializer;

  /**
   * Nest's hook for incoming replies.
   *
   * @defaultValue none
   */
  deserializer?: Deserializer;
}

/** Options of `RedisPubSubModule`. */
export interface RedisPubSubModuleOptions
  extends
    RedisPubSubOptions,
    Pick<
      RedisPubSubServerOptions,
      'onStart' | 'startTimeout' | 'shutdownTimeout' | 'transportId' | 'notify' | 'introspection'
    >,
    Pick<RedisPubSubClientOptions, 'requestTimeout' | 'replies'> {
  /**
   * Whether the application's global pipes, guards, interceptors and filters apply to its handlers. The option is
   * about the handlers that the module runs.
   *
   * @defaultValue `true`
   */
  inheritAppConfig?: boolean;

  /**
   * Whether the module runs the decorated handlers that it finds. Set `false` in a process that only publishes or
   * observes at run time, and that shares its Nest modules with processes that handle.
   *
   * @defaultValue `true`
   */
  handlers?: boolean;
}

/** Options of a handler, in `@Subscribe('x', { concurrency: 1 })`, and in `@EventPattern` or `@MessagePattern`. */
export interface HandlerOptions {
  /**
   * How many messages the handler handles at the same time, in this process.
   *
   * @defaultValue `Infinity`; with `order`: `1000`
   */
  concurrency?: number;

  /**
   * The order of messages. With `'channel'`, the messages of one channel are handled one after the other. The
   * messages of other channels are handled at the same time, as many as `concurrency` says.
   *
   * @defaultValue none
   */
  order?: 'channel';

  /**
   * How many messages may wait for the handler. It has an effect with `concurrency` or `order` only.
   *
   * @defaultValue `10000`
   */
  maxQueue?: number;

  /**
   * The size of the messages that may wait, in bytes. It counts payloads and channel names, and has an effect with
   * `concurrency` or `order` only.
   *
   * @defaultValue `67108864` (64 MiB)
   */
  maxQueueBytes?: number;

  /**
   * Which message is dropped when the queue is full. With `'drop-oldest'`: the one that has waited longest. With
   * `'drop-newest'`: the one that arrives. Telemetry reports each drop, and the log has their number.
   *
   * With `'latest'` one message of each channel waits at most: a newer one takes its place, and telemetry reports
   * `conflated`. For events only. When the queue is full it drops as `'drop-oldest'`.
   *
   * @defaultValue `'drop-oldest'`
   */
  overflow?: 'drop-oldest' | 'drop-newest' | 'latest';

  /**
   * Whether the handler also handles what was published with history during an outage, before the next message. For events
   * of one channel: a pattern is an error. `server.gaps` tells whether that was possible. The start is no outage.
   *
   * @defaultValue `false`
   */
  recover?: boolean;

  /**
   * Whether the channel is sharded (SSUBSCRIBE). A pattern cannot be sharded.
   *
   * @defaultValue the `sharded` of the server
   */
  sharded?: boolean;

  /**
   * The group that shares the messages: of all its members that hear a message, at most one handles it. Members are
   * the handlers with this name, in all processes. A name has up to 64 letters, digits, `.`, `_`, `-` or `:`. Events
   * without an id cannot be shared: they are dropped, or with `withoutId: 'all'` each member handles them.
   *
   * @defaultValue none: each instance handles each message
   */
  group?:
    | string
    | {
        /**
         * The name of the group.
         *
         * @defaultValue none; it is required
         */
        name: string;
        /**
         * What happens to an event that has no id.
         *
         * @defaultValue `'drop'`
         */
        withoutId?: 'drop' | 'all';
      };
}
