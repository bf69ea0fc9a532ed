import { Redis, type RedisOptions } from 'ioredis';
import { InvalidOptionError, messageOf } from '../../errors.js';
import { onlyAddress } from '../../shared/clean-error.js';
import { installCredentials, type CredentialsProvider } from './credentials.js';
import { isClient, type ClusterConnection, type RedisConnection } from './redis-connection.js';
import { queryOf } from './url-query.js';

/** The ioredis clients of a broker for one server or a Sentinel set-up. */
export interface Clients {
  readonly publisher: Redis;
  readonly subscriber: Redis;
  /** The subscriber of shard channels. */
  readonly shardSubscriber: Redis;
  /** Whether the publisher was created here, and is ours to connect and to close. */
  readonly ownsPublisher: boolean;
  /** Creates a further client of the same server, with these options in the place of its own. */
  readonly createClient: (role: RedisOptions) => Redis;
}

/** ioredis options of every connection of ours: nothing is queued, and nothing is sent twice. */
export const PUBLISHER_OPTIONS = {
  lazyConnect: true,
  enableOfflineQueue: false,
  // Fails the commands in flight when the connection closes. ioredis would send them again, although
  // Redis may have published the message: a duplicate.
  maxRetriesPerRequest: 0,
  autoResubscribe: false,
  enableAutoPipelining: false,
  keyPrefix: '',
  // How long ioredis waits before it asks a server again that loads its data. Its default is ten seconds.
  maxLoadingRetryTime: 500,
  // ioredis would keep a timer for two seconds when it is told to stop between two attempts.
  disconnectTimeout: 1,
} as const satisfies RedisOptions;

/** As {@link PUBLISHER_OPTIONS}. The reconciler retries SUBSCRIBE, so that it needs no deadline of its own. */
export const SUBSCRIBER_OPTIONS = {
  ...PUBLISHER_OPTIONS,
  commandTimeout: undefined,
  db: 0,
} as const satisfies RedisOptions;

/** Creates the clients of a broker, not yet connected. */
export function createClients(
  connection: Exclude<RedisConnection, ClusterConnection>,
  credentials?: CredentialsProvider,
): Clients {
  if (isClient(connection)) {
    return {
      publisher: connection,
      subscriber: duplicate(connection),
      shardSubscriber: duplicate(connection),
      ownsPublisher: false,
      createClient: (role) => connection.duplicate(role),
    };
  }
  const { url, ...given } = typeof connection === 'string' ? { url: connection } : connection;
  const options = withDefaults(given);
  const create = (role: RedisOptions): Redis => {
    const client = construct(url, { ...options, ...role });
    // In ioredis the query of a URL overrides the options.
    if (url !== undefined) applyQuery(url, client.options);
    Object.assign(client.options, role);
    return installCredentials(client, credentials);
  };
  return {
    publisher: create(PUBLISHER_OPTIONS),
    subscriber: create(SUBSCRIBER_OPTIONS),
    shardSubscriber: create(SUBSCRIBER_OPTIONS),
    ownsPublisher: true,
    createClient: create,
  };
}

/** ioredis checks some options itself. */
function construct(url: string | undefined, options: RedisOptions): Redis {
  try {
    return url === undefined ? new Redis(options) : new Redis(url, options);
  } catch (error) {
    throw new InvalidOptionError(
      'connection',
      `what ioredis accepts (${messageOf(error)})`,
      onlyAddress(url ?? options),
    );
  }
}

function applyQuery(url: string, options: RedisOptions): void {
  const query = queryOf(url);
  for (const [name, text] of new URL(url).searchParams) {
    // A part of the URL itself comes first.
    if (name in query && Reflect.get(options, name) === text) {
      Object.assign(options, { [name]: query[name] });
    }
  }
}

function duplicate(client: Redis): Redis {
  return client.duplicate({
    ...sentinelDefaults(client.options),
    ...SUBSCRIBER_OPTIONS,
    retryStrategy: retryStrategyOf(client),
  });
}

function withDefaults(options: RedisOptions): RedisOptions {
  const retryStrategy = options.retryStrategy === undefined ? retryDelay : options.retryStrategy;
  return { ...sentinelDefaults(options), ...options, retryStrategy };
}

/**
 * Without the detector a subscriber stays at the old master for seconds after a failover; without a
 * deadline one sentinel that hangs keeps ioredis from asking the next.
 */
function sentinelDefaults({ sentinels, sentinelCommandTimeout }: RedisOptions): RedisOptions {
  if (!sentinels) return {};
  return { failoverDetector: true, sentinelCommandTimeout: sentinelCommandTimeout ?? 1_000 };
}

/** The strategy of a user's client; ours in the place of ioredis' default, which waits up to five seconds. */
function retryStrategyOf({ options: { retryStrategy } }: Redis): RedisOptions['retryStrategy'] {
  const isDefault = retryStrategy === new Redis({ lazyConnect: true }).options.retryStrategy;
  return isDefault ? retryDelay : (retryStrategy ?? retryDelay);
}

/**
 * The delay before a further attempt to connect, in milliseconds: exponential from 50, at most 700. A
 * subscriber that waits for seconds after its server is back loses messages for seconds. The jitter
 * spreads the attempts of a fleet.
 */
export function retryDelay(attempt: number): number {
  return Math.min(50 * 2 ** (attempt - 1), 500) + Math.random() * 200;
}
