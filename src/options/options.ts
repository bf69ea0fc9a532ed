import type { Deserializer, Serializer } from '@nestjs/microservices';
import type { RedisConnection } from '../broker/connection/create-clients.js';
import type { CredentialsProvider } from '../broker/connection/credentials.js';
import type { Codec } from '../codec/codec.js';
import { InvalidOptionError } from '../errors.js';
import {
  assertHook,
  assertPrefix,
  assertTransportId,
  checkBoolean,
  checkCodec,
  checkConnection,
  checkCount,
  checkCredentials,
  checkMilliseconds,
  checkOneOf,
  checkPublishBuffer,
} from './option-checks.js';

/** What servers, clients and the module have in common. Checked once, at construction. */
export interface RedisPubSubOptions {
  /**
   * Where Redis is: a URL, ioredis options, or an ioredis client of your own.
   *
   * @default 'redis://localhost:6379'
   */
  connection?: RedisConnection;

  /**
   * Gives the user and the password for the next attempt to connect, of each connection: for tokens that
   * expire (IAM, Entra ID) and passwords that change. Goes before those of `connection`. Where it fails, or
   * takes more than ten seconds, so does the attempt, and the next one asks again. Not with a client of your own.
   *
   * @default undefined
   */
  credentials?: CredentialsProvider;

  /**
   * Goes before every channel and pattern, and is stripped from what handlers see: an environment, a
   * tenant, a test run. Redis' database numbers do not separate channels.
   *
   * @default ''
   */
  prefix?: string;

  /**
   * The wire format. `'envelope'`: Nest's packet, understood by `Transport.REDIS`. `'json'`: the
   * bare data, for readers in other languages; without requests and headers. Or a codec of your own.
   *
   * @default 'envelope'
   */
  codec?: 'envelope' | 'json' | Codec;

  /**
   * Whether literal channels are sharded: SSUBSCRIBE and SPUBLISH instead of SUBSCRIBE and PUBLISH, which
   * do not hear each other. In a Cluster a message then stays at the nodes of its slot. Needs Redis 7.0.
   * Patterns cannot be sharded: a handler or observer of one says `sharded: false`.
   *
   * @default false
   */
  sharded?: boolean;

  /**
   * Payloads larger than this, in bytes, are refused on the way out and dropped on the way in.
   *
   * @default Infinity
   */
  maxPayloadBytes?: number;

  /**
   * The first segment of channel names that are this package's own: reply inboxes are called
   * `<reservedSegment>.inbox.<id>`, without the prefix. Clients and servers must agree on it. Where the
   * id begins with `joined.`, as our own clients' do, several replies may come as one array.
   *
   * @default '_pubsub'
   */
  reservedSegment?: string;

  /**
   * What a server or the module does at its start while Redis is not there. `'wait'`: waits for it,
   * for `startTimeout`. `'fail'`: fails with the first attempt. `'background'`: starts without it, and
   * connects and subscribes when it comes; a subscription that Redis refuses is logged and tried again.
   *
   * @default 'wait'
   */
  onStart?: 'wait' | 'fail' | 'background';

  /**
   * How long, in milliseconds, a server waits at its start for a Redis that is not there yet.
   *
   * @default 30000
   */
  startTimeout?: number;

  /**
   * What may wait while Redis is away, and goes out in its order when it is back: so many messages,
   * for so long (in milliseconds). What would be more fails at once, what gets older fails then, with
   * a `ConnectionError`. `false`: everything fails at once. Requests never wait.
   *
   * @default { maxMessages: 1000, maxAge: 2000 }
   */
  publishBuffer?: false | { maxMessages?: number; maxAge?: number };

  /**
   * Whether what is published in one tick goes out as one script (EVAL) that publishes all of it, in its
   * order: from 32 messages on, at most 512 or 256 KiB at a time. For who emits in bursts: it spares this
   * process most of the work, and costs Redis a little more. Each promise still gets its own outcome.
   * Where the user may not call EVAL that is logged, and each message is a PUBLISH, as shard messages
   * always are.
   *
   * @default false
   */
  batchPublishes?: boolean;

  /**
   * Whether Redis writes a message that is alone in its tick to its subscribers before it tells the
   * publisher of it: for requests that wait for each other. A PING goes before it in the same write, which
   * shows in MONITOR, in INFO and in traces of commands, and has its price where each command has one.
   *
   * @default false
   */
  deliverFirst?: boolean;

  /**
   * How often, in milliseconds, each connection is asked whether it is alive (PING).
   *
   * @default 3000
   */
  pingInterval?: number;

  /**
   * How long, in milliseconds, a connection may be silent after a PING before it is replaced.
   *
   * @default 3000
   */
  pingTimeout?: number;

  /**
   * How often, in milliseconds, it is looked whether messages arrive at all; 0: never. A subscriber
   * that is connected and hears nothing is found and replaced within four intervals.
   *
   * @default 5000
   */
  probeInterval?: number;
}

/** Options of `RedisPubSubServer`. */
export interface RedisPubSubServerOptions extends RedisPubSubOptions {
  /**
   * How long, in milliseconds, `close` waits for handlers that are running.
   *
   * @default 5000
   */
  shutdownTimeout?: number;

  /**
   * The transport that handlers may name, as in `@EventPattern('x', REDIS_PUBSUB)`. With
   * `Transport.REDIS` handlers written for the built-in transport are served as they are.
   *
   * @default REDIS_PUBSUB
   */
  transportId?: symbol | number;

  /** Nest's own hook over outgoing replies; synchronous. */
  serializer?: Serializer;

  /**
   * Nest's own hook over incoming packets: given the decoded payload and `{ channel }`, returns
   * `{ data, id?, … }`, or a promise of it. With it, it alone decides what is a packet.
   */
  deserializer?: Deserializer;
}

/** Options of `RedisPubSubClient`. */
export interface RedisPubSubClientOptions extends RedisPubSubOptions {
  /**
   * How long, in milliseconds, a request waits for its next reply; 0 for ever.
   *
   * @default 30000
   */
  requestTimeout?: number;

  /**
   * `'inbox'`: replies come to a private channel of this client. `'compat'`: on `<channel>.reply`,
   * which servers on the built-in `Transport.REDIS` need.
   *
   * @default 'inbox'
   */
  replies?: 'inbox' | 'compat';

  /** Nest's own hook over outgoing packets; synchronous. */
  serializer?: Serializer;

  /** Nest's own hook over incoming replies. */
  deserializer?: Deserializer;
}

/** Options of `RedisPubSubModule`. */
export interface RedisPubSubModuleOptions
  extends
    RedisPubSubOptions,
    Pick<RedisPubSubServerOptions, 'shutdownTimeout' | 'transportId'>,
    Pick<RedisPubSubClientOptions, 'requestTimeout' | 'replies'> {
  /**
   * Whether the application's global pipes, guards, interceptors and filters apply to the handlers
   * that the module itself runs.
   *
   * @default true
   */
  inheritAppConfig?: boolean;

  /**
   * Whether the module runs the decorated handlers that it finds. `false`: for a process that only sends,
   * or observes at run time, although it shares its modules with others that handle.
   *
   * @default true
   */
  handlers?: boolean;
}

/** Options of an `@EventPattern` or `@MessagePattern`: `@EventPattern('x', { concurrency: 1 })`. */
export interface HandlerOptions {
  /**
   * How many messages the handler works on at the same time.
   *
   * @default Infinity
   */
  concurrency?: number;

  /** `'channel'`: messages of one channel are handled one after the other, in their order. */
  order?: 'channel';

  /**
   * How many messages may wait for the handler.
   *
   * @default 10000
   */
  maxQueue?: number;

  /**
   * Which message is given up when `maxQueue` is reached. The telemetry tells of each.
   *
   * @default 'drop-oldest'
   */
  overflow?: 'drop-oldest' | 'drop-newest';

  /**
   * Whether the channel is sharded (SSUBSCRIBE).
   *
   * @default what the server's `sharded` says
   */
  sharded?: boolean;
}

/** Every option with its default in place. */
export type ResolvedOptions = Readonly<
  Required<Omit<RedisPubSubOptions, 'credentials' | 'publishBuffer'>> & {
    credentials: CredentialsProvider | undefined;
    publishBuffer: false | { readonly maxMessages: number; readonly maxAge: number };
  } & Required<Pick<RedisPubSubServerOptions, 'shutdownTimeout'>> &
    Required<Pick<RedisPubSubClientOptions, 'requestTimeout' | 'replies'>>
>;

/** A {@link HandlerOptions} with its defaults in place. */
export type ResolvedHandlerOptions = Readonly<
  Required<Omit<HandlerOptions, 'order' | 'sharded'>> & Pick<HandlerOptions, 'order' | 'sharded'>
>;

const DEFAULT_BUFFER = { maxMessages: 1_000, maxAge: 2_000 };

const DEFAULTS: ResolvedOptions = {
  connection: 'redis://localhost:6379',
  credentials: undefined,
  prefix: '',
  codec: 'envelope',
  sharded: false,
  maxPayloadBytes: Infinity,
  reservedSegment: '_pubsub',
  onStart: 'wait',
  startTimeout: 30_000,
  publishBuffer: DEFAULT_BUFFER,
  batchPublishes: false,
  deliverFirst: false,
  pingInterval: 3_000,
  pingTimeout: 3_000,
  probeInterval: 5_000,
  shutdownTimeout: 5_000,
  requestTimeout: 30_000,
  replies: 'inbox',
};

/** What an object of options may have; a typing error must not be a silent default. */
const NAMES = new Set([
  ...Object.keys(DEFAULTS),
  'transportId',
  'serializer',
  'deserializer',
  'inheritAppConfig',
  'handlers',
  'isGlobal',
]);

const HANDLER_DEFAULTS: ResolvedHandlerOptions = {
  concurrency: Infinity,
  maxQueue: 10_000,
  overflow: 'drop-oldest',
};

/** Checks options and puts the defaults in. Throws {@link InvalidOptionError}. */
export function resolveOptions(
  options: RedisPubSubServerOptions & RedisPubSubClientOptions = {},
): ResolvedOptions {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidOptionError('options', 'an object', options);
  }
  const unknown = Object.keys(options).find((name) => !NAMES.has(name));
  if (unknown !== undefined) {
    throw new InvalidOptionError('option', `one of ${[...NAMES].join(', ')}`, unknown);
  }
  assertTransportId(options.transportId);
  assertHook('serializer', options.serializer, 'serialize');
  assertHook('deserializer', options.deserializer, 'deserialize');
  const given = withDefaults(options, DEFAULTS);
  assertPrefix(given.prefix, given.reservedSegment);
  return {
    connection: checkConnection(given.connection),
    credentials: checkCredentials(given.credentials, given.connection),
    prefix: given.prefix,
    codec: checkCodec(given.codec),
    sharded: checkSharded(given.sharded, given.replies),
    maxPayloadBytes: checkCount('maxPayloadBytes', given.maxPayloadBytes, 1),
    reservedSegment: given.reservedSegment,
    onStart: checkOneOf('onStart', given.onStart, ['wait', 'fail', 'background']),
    startTimeout: checkMilliseconds('startTimeout', given.startTimeout),
    publishBuffer: checkPublishBuffer(given.publishBuffer, DEFAULT_BUFFER),
    batchPublishes: checkBoolean('batchPublishes', given.batchPublishes),
    deliverFirst: checkBoolean('deliverFirst', given.deliverFirst),
    pingInterval: checkMilliseconds('pingInterval', given.pingInterval, 1),
    pingTimeout: checkMilliseconds('pingTimeout', given.pingTimeout, 1),
    probeInterval: checkMilliseconds('probeInterval', given.probeInterval),
    shutdownTimeout: checkMilliseconds('shutdownTimeout', given.shutdownTimeout),
    requestTimeout: checkMilliseconds('requestTimeout', given.requestTimeout),
    replies: checkOneOf('replies', given.replies, ['inbox', 'compat']),
  };
}

/** Checks the extras of a handler's decorator. Throws {@link InvalidOptionError}. */
export function resolveHandlerOptions(extras: HandlerOptions = {}): ResolvedHandlerOptions {
  const given = withDefaults(extras, HANDLER_DEFAULTS);
  return {
    concurrency: checkCount('concurrency', given.concurrency, 1),
    order: given.order === undefined ? undefined : checkOneOf('order', given.order, ['channel']),
    maxQueue: checkCount('maxQueue', given.maxQueue, 0),
    overflow: checkOneOf('overflow', given.overflow, ['drop-oldest', 'drop-newest']),
    sharded: given.sharded === undefined ? undefined : checkBoolean('sharded', given.sharded),
  };
}

function checkSharded(sharded: unknown, replies: unknown): boolean {
  if (checkBoolean('sharded', sharded) && replies === 'compat') {
    throw new InvalidOptionError('sharded', 'false with replies: "compat"', sharded);
  }
  return sharded === true;
}

/** As spreading does, but a key that is there with `undefined` in it counts as not given. */
function withDefaults<Given extends object, Defaults extends object>(
  given: Given,
  defaults: Defaults,
): Given & Defaults {
  const defined = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(defined) } as Given & Defaults;
}

/** Checks the options of the module. Throws {@link InvalidOptionError}. */
export function resolveModuleOptions(options: RedisPubSubModuleOptions): ResolvedOptions {
  // A factory that forgets to return gives nothing; that is not the same as no options.
  const resolved = resolveOptions(options ?? (null as never));
  for (const name of ['inheritAppConfig', 'handlers'] as const) {
    if (options[name] !== undefined) checkBoolean(name, options[name]);
  }
  return resolved;
}
