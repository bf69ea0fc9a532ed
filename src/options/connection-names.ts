import { nearestName } from '../shared/nearest-name.js';

/** The options of ioredis, of versions 5 and 6, that make an object recognisable as them. */
const IOREDIS_NAMES: ReadonlySet<string> = new Set(
  `host port path url db family protocol username password sentinelUsername sentinelPassword sentinels tls sentinelTLS
  enableTLSForSentinelMode connectTimeout commandTimeout socketTimeout sentinelCommandTimeout disconnectTimeout
  blockingTimeout blockingTimeoutGrace maxLoadingRetryTime maxRetriesPerRequest keepAlive noDelay connectionName
  clientInfoTag disableClientInfo retryStrategy reconnectOnError sentinelRetryStrategy sentinelReconnectStrategy
  sentinelMaxConnections updateSentinels failoverDetector preferredSlaves natMap Connector scripts himportFieldsets
  keyPrefix stringNumbers replyMapping monitor readOnly lazyConnect enableOfflineQueue enableReadyCheck
  enableAutoPipelining autoPipeliningIgnoredCommands autoResubscribe autoResendUnfulfilledCommands offlineQueue
  commandQueue showFriendlyErrorStack`.split(/\s+/),
);

/** Further options of ioredis and of Node's sockets, whose names many other objects have, too. */
const COMMON_NAMES: ReadonlySet<string> = new Set(
  `name role lookup hints localAddress localPort timeout signal onread readable writable allowHalfOpen autoSelectFamily
  autoSelectFamilyAttemptTimeout keepAliveInitialDelay blockList fd`.split(/\s+/),
);

const ALL_NAMES: readonly string[] = [...IOREDIS_NAMES, ...COMMON_NAMES];

/** Names of other clients and of habit, which ioredis would ignore, and connect to localhost. */
const OTHER_NAMES: Readonly<Partial<Record<string, string>>> = {
  hostname: 'host',
  address: 'host',
  database: 'db',
  user: 'username',
  pass: 'password',
  auth: 'password',
  auth_pass: 'password',
  ssl: 'tls',
  tlsOptions: 'tls',
  uri: 'url',
  connectionString: 'url',
  socket: 'host, port and tls, without "socket" around them',
  servers: 'nodes',
  rootNodes: 'nodes',
};

/** Whether ioredis has an option with this name. */
export function isConnectionField(name: string): boolean {
  return IOREDIS_NAMES.has(name) || name === 'name';
}

/** Whether an object has at least one option of ioredis, or none of anything: then it is localhost. */
export function hasConnectionFields(object: object): boolean {
  const parent = Object.getPrototypeOf(object) as object | null;
  const isPlain = parent === null || Object.getPrototypeOf(parent) === null;
  const names = Object.keys(object);
  if (isPlain && names.length === 0) return true;
  // A misspelt name gets an error of its own.
  return [...IOREDIS_NAMES].some((name) => name in object) || names.some(isMisspelt);
}

function isMisspelt(name: string): boolean {
  return nameInIoredis(name) !== undefined;
}

/** What ioredis calls a field of another client, such as "user". */
export function otherName(name: string): string | undefined {
  return Object.hasOwn(OTHER_NAMES, name) ? OTHER_NAMES[name] : undefined;
}

/** What ioredis calls a field that has the name of another client, or a misspelt one; `undefined` for all others. */
export function nameInIoredis(name: string): string | undefined {
  const other = otherName(name);
  if (other !== undefined) return other;
  if (IOREDIS_NAMES.has(name) || COMMON_NAMES.has(name)) return undefined;
  // ioredis gets new options: a name that is merely similar may be one of them.
  return nearestName(name, ALL_NAMES, name.length < MIN_LENGTH ? 1 : 2);
}

/** Two typing errors in a shorter name leave nothing of it. */
const MIN_LENGTH = 4;
