import { Redis, type RedisOptions } from 'ioredis';
import type { ClusterConnection } from '../cluster/cluster-connection.js';
import { logIn, type CredentialsProvider } from './credentials.js';

/**
 * Where Redis is: a URL (`redis://`, `rediss://`), ioredis options (a unix socket, TLS and Sentinel
 * included), or an ioredis client of your own. Of your own client the publisher half is used as it
 * is and the subscriber half is a `duplicate()`; we close only what we made. For a Cluster:
 * `{ nodes, options }`, or a `Cluster` of your own, whose nodes and options are used.
 */
export type RedisConnection = string | RedisOptions | Redis | ClusterConnection;

export interface Clients {
  readonly publisher: Redis;
  readonly subscriber: Redis;
  /** The subscriber of shard channels. */
  readonly shardSubscriber: Redis;
  /** Whether the publisher is ours to connect and to close. */
  readonly ownsPublisher: boolean;
}

/** What both of our connections need to be: nothing is queued, and nothing is sent twice. */
export const PUBLISHER_OPTIONS = {
  lazyConnect: true,
  enableOfflineQueue: false,
  // Fails what is in flight when the connection closes. ioredis would send it again, although Redis
  // may have published it: a duplicate.
  maxRetriesPerRequest: 0,
  autoResubscribe: false,
  enableAutoPipelining: false,
  keyPrefix: '',
  // How long to wait before a server that loads its data is asked again; ioredis: up to ten seconds.
  maxLoadingRetryTime: 500,
  // ioredis would keep a timer for two seconds after it was told to stop between two attempts.
  disconnectTimeout: 1,
} as const satisfies RedisOptions;

/** A deadline per command makes no sense for SUBSCRIBE, whose retries are the reconciler's. */
export const SUBSCRIBER_OPTIONS = {
  ...PUBLISHER_OPTIONS,
  commandTimeout: undefined,
  db: 0,
} as const satisfies RedisOptions;

/** The ioredis clients of a broker, not yet connected. */
export function createClients(
  connection: Exclude<RedisConnection, ClusterConnection>,
  credentials?: CredentialsProvider,
): Clients {
  if (isClient(connection)) {
    const duplicate = (): Redis =>
      connection.duplicate({
        ...sentinelDefaults(connection.options),
        ...SUBSCRIBER_OPTIONS,
        retryStrategy: retryStrategyOf(connection),
      });
    return {
      publisher: connection,
      subscriber: duplicate(),
      shardSubscriber: duplicate(),
      ownsPublisher: false,
    };
  }
  const options = withDefaults(typeof connection === 'string' ? {} : connection);
  const create = (role: RedisOptions): Redis => {
    const given = { ...options, ...role };
    const client = typeof connection === 'string' ? new Redis(connection, given) : new Redis(given);
    if (typeof connection === 'string') readQuery(connection, client.options);
    // What stands in the query of a URL goes before all other options.
    Object.assign(client.options, role);
    return logIn(client, credentials);
  };
  return {
    publisher: create(PUBLISHER_OPTIONS),
    subscriber: create(SUBSCRIBER_OPTIONS),
    shardSubscriber: create(SUBSCRIBER_OPTIONS),
    ownsPublisher: true,
  };
}

export function isCluster(connection: RedisConnection): connection is ClusterConnection {
  if (typeof connection === 'string') return false;
  return 'nodes' in connection || ('isCluster' in connection && connection.isCluster);
}

/** Tells an ioredis client from options by what it can do: there may be two copies of ioredis. */
export function isClient(connection: unknown): connection is Redis {
  return (
    typeof connection === 'object' &&
    connection !== null &&
    'duplicate' in connection &&
    typeof connection.duplicate === 'function'
  );
}

function withDefaults(options: RedisOptions): RedisOptions {
  const retryStrategy = options.retryStrategy === undefined ? retryDelay : options.retryStrategy;
  return { ...sentinelDefaults(options), ...options, retryStrategy };
}

/**
 * Without the detector a subscriber stays on the old master for seconds after a failover; without a
 * deadline one sentinel that hangs keeps it from asking the next.
 */
function sentinelDefaults({ sentinels, sentinelCommandTimeout }: RedisOptions): RedisOptions {
  if (!sentinels) return {};
  return { failoverDetector: true, sentinelCommandTimeout: sentinelCommandTimeout ?? 1_000 };
}

/** What ioredis takes as text, even if it looks like a number. */
const TEXTS = /^(host|path|keyPrefix|clientInfoTag|.*([uU]sername|[pP]assword|[nN]ame))$/;

/** Makes numbers and truth values of those in the query of a URL: to ioredis all is text, which Node refuses for a timeout. */
function readQuery(url: string, options: RedisOptions): void {
  for (const [name, text] of new URL(url).searchParams) {
    // What else the URL says has gone before it.
    if (TEXTS.test(name) || Reflect.get(options, name) !== text) continue;
    if (name === 'tls' && url.startsWith('rediss:')) continue;
    if (text === 'true' || text === 'false') Object.assign(options, { [name]: text === 'true' });
    else if (/^\d+$/.test(text)) Object.assign(options, { [name]: Number(text) });
  }
}

/** That of a user's client; ours where it has none but ioredis' default, which waits for up to five seconds. */
function retryStrategyOf({ options: { retryStrategy } }: Redis): RedisOptions['retryStrategy'] {
  const isDefault = retryStrategy === new Redis({ lazyConnect: true }).options.retryStrategy;
  return isDefault ? retryDelay : (retryStrategy ?? retryDelay);
}

/**
 * Exponential from 50 ms, and never much over half a second: a subscriber that waits for seconds
 * after its server is back loses messages for seconds. The jitter keeps a fleet from returning at once.
 */
export function retryDelay(attempt: number): number {
  return Math.min(50 * 2 ** (attempt - 1), 500) + Math.random() * 200;
}
