import { isTopologyProvider, type TopologyProvider } from '../broker/topology-provider.js';
import { isClient, type RedisConnection } from '../broker/connection/redis-connection.js';
import { queryOf } from '../broker/connection/url-query.js';
import { InvalidOptionError } from '../errors.js';
import { onlyAddress, withoutText } from '../shared/clean-error.js';
import { isDecodable } from '../shared/is-decodable.js';
import { checkFields, isAddress, isHost, isPort } from './connection-fields.js';
import { hasConnectionFields } from './connection-names.js';

const EXPECTED = 'a redis:// URL, ioredis options or an ioredis client';

/**
 * A URL, ioredis options, an ioredis client, the nodes of a Cluster, or what takes the place of Redis in tests.
 *
 * @throws InvalidOptionError for anything else, and for values that would end the process or lead elsewhere
 */
export function checkConnection(
  name: string,
  connection: unknown,
): RedisConnection | TopologyProvider {
  if (typeof connection === 'string') return checkUrl(name, connection);
  if (typeof connection !== 'object' || connection === null || Array.isArray(connection)) {
    throw new InvalidOptionError(name, EXPECTED, connection);
  }
  if (isTopologyProvider(connection)) return connection;
  assertNotForeign(name, connection);
  if (isClient(connection)) return connection;
  if ('nodes' in connection) return checkCluster(connection);
  if (!hasConnectionFields(connection)) throw new InvalidOptionError(name, EXPECTED, connection);
  return checkRedisOptions(name, connection);
}

/** Objects that look like options without any field, which would be localhost, or like an ioredis client. */
function assertNotForeign(name: string, connection: object): void {
  if (connection instanceof URL) {
    throw new InvalidOptionError(name, 'the text of the URL, its "href"', connection);
  }
  if ('then' in connection && typeof connection.then === 'function') {
    throw new InvalidOptionError(name, `${EXPECTED}, and not a promise of it`, connection);
  }
  // The package "redis" has these, on its clients, pools, clusters and sentinels.
  const isNodeRedis = 'isOpen' in connection || 'sendCommand' in connection;
  if (isNodeRedis && !('status' in connection)) {
    throw new InvalidOptionError(
      name,
      'a redis:// URL, ioredis options or a client of ioredis ("new Redis(url)"), not a client of the package "redis"',
      connection,
    );
  }
}

function checkCluster(connection: object & { nodes: unknown }): RedisConnection {
  const { nodes } = connection;
  if (!Array.isArray(nodes) || nodes.length === 0) {
    throw new InvalidOptionError(
      'connection.nodes',
      'an array of at least one node',
      onlyAddress(nodes),
    );
  }
  // Unlike `find`, this sees what is `undefined`.
  const wrong = nodes.findIndex((node) => !isClusterNode(node));
  if (wrong >= 0) {
    throw new InvalidOptionError(
      'connection.nodes',
      'nodes as redis://host:port, a port or { host, port }; passwords and TLS go into options.redisOptions',
      onlyAddress(nodes[wrong]),
    );
  }
  checkClusterOptions(connection);
  return connection as RedisConnection;
}

function checkClusterOptions(connection: { nodes: unknown; options?: unknown }): void {
  const { options } = connection;
  const other = Object.keys(connection).find((name) => name !== 'nodes' && name !== 'options');
  if (other !== undefined) {
    throw new InvalidOptionError(
      `connection.${other}`,
      'a field of connection.options, or of its redisOptions, beside "nodes"',
      '…',
    );
  }
  if (options === undefined) return;
  assertObject('connection.options', options);
  const { redisOptions } = options as { redisOptions?: unknown };
  if (redisOptions === undefined) return;
  assertObject('connection.options.redisOptions', redisOptions);
  checkFields('connection.options.redisOptions', redisOptions as object);
}

function assertObject(name: string, value: unknown): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw new InvalidOptionError(name, 'an object', withoutText(value));
}

function isClusterNode(node: unknown): boolean {
  if (typeof node === 'number') return isPort(node);
  if (typeof node === 'string') return isNodeUrl(node.includes('://') ? node : `redis://${node}`);
  return isAddress(node);
}

function isNodeUrl(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, username, password, hostname, pathname, search } = new URL(url);
  const isBare = username + password + search === '' && /^\/?$/.test(pathname);
  return protocol === 'redis:' && isBare && isHost(unbracketed(hostname));
}

const unbracketed = (hostname: string): string => hostname.replace(/^\[|\]$/g, '');

/** What a URL must be and is not, in words; `undefined` if it is valid. */
function missingIn(url: unknown): string | undefined {
  const isUrl = typeof url === 'string' && URL.canParse(url);
  if (!isUrl || !/^rediss?:$/.test(new URL(url).protocol)) return 'a redis:// or rediss:// URL';
  const { username, password, hostname, pathname } = new URL(url);
  if (!isHost(unbracketed(hostname))) return 'a redis:// or rediss:// URL with a host';
  if (!/^\/?$|^\/\d+$/.test(pathname)) {
    return 'a redis:// or rediss:// URL whose path is the number of a database';
  }
  if ([username, password].every(isDecodable)) return undefined;
  return 'a redis:// or rediss:// URL whose login is percent-encoded';
}

/** What a valid URL says, as ioredis options. */
function fieldsOfUrl(url: string): Record<string, unknown> {
  const { username, password, hostname, port, pathname } = new URL(url);
  return {
    ...queryOf(url),
    host: unbracketed(hostname),
    ...(port !== '' && { port: Number(port) }),
    ...(pathname.length > 1 && { db: Number(pathname.slice(1)) }),
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
  };
}

function checkUrl(name: string, url: unknown): string {
  const missing = missingIn(url);
  if (missing !== undefined) throw new InvalidOptionError(name, missing, onlyAddress(url));
  checkFields(name, fieldsOfUrl(url as string));
  return url as string;
}

function checkRedisOptions(name: string, options: object): RedisConnection {
  const { url, ...fields } = options as Record<string, unknown>;
  checkFields(name, fields);
  if ('url' in options) checkConflicts(name, checkUrl(`${name}.url`, url), fields);
  else assertPresent(name, fields);
  return options;
}

/** A field that is given as `undefined` is a missing variable, and must not be localhost or the default port. */
function assertPresent(name: string, fields: Readonly<Record<string, unknown>>): void {
  const isMissing = (field: string): boolean => field in fields && fields[field] === undefined;
  const place = ['sentinels', 'path', 'host'].find((field) => isSet(fields[field]));
  const missing = (place === undefined ? PLACES : BESIDE[place])?.find(isMissing);
  if (missing === undefined) return;
  throw new InvalidOptionError(`${name}.${missing}`, String(MEANING[missing]), undefined);
}

/** To ioredis null is absent. */
const isSet = (value: unknown): boolean => value !== undefined && value !== null;

/** The fields that say where the server is. */
const PLACES = ['host', 'path', 'sentinels', 'port'];

/** The fields that count beside another one. */
const BESIDE: Readonly<Partial<Record<string, readonly string[]>>> = {
  sentinels: ['name'],
  host: ['port'],
};

const MEANING: Readonly<Partial<Record<string, string>>> = {
  host: 'a host name or an address; without the field it is localhost',
  path: 'the path of a unix socket',
  sentinels: 'an array of at least one { host, port }',
  port: 'a port from 1 to 65535',
  name: 'the name of the master that the sentinels watch',
};

/** To ioredis the URL counts, and what the options say is lost. */
function checkConflicts(
  name: string,
  url: string,
  fields: Readonly<Record<string, unknown>>,
): void {
  const inUrl = fieldsOfUrl(url);
  for (const [field, value] of Object.entries(fields)) {
    if (
      value !== undefined &&
      !isSame(inUrl[field], value) &&
      (field in inUrl || ELSEWHERE.has(field))
    ) {
      throw new InvalidOptionError(
        `${name}.${field}`,
        `absent beside "${name}.url", which says it, too`,
        '…',
      );
    }
  }
  if (url.startsWith('rediss:') && (fields.tls === false || fields.tls === null)) {
    throw new InvalidOptionError(
      `${name}.tls`,
      `an object or absent beside a rediss:// URL`,
      withoutText(fields.tls),
    );
  }
}

/** Fields that lead to another place than the host of a URL. */
const ELSEWHERE: ReadonlySet<string> = new Set(['host', 'path', 'sentinels']);

/** A port may be a number or digits. */
function isSame(one: unknown, other: unknown): boolean {
  const isDigits = typeof one === 'number' && typeof other === 'string';
  return one === (isDigits ? Number(other) : other);
}
