import { isClient, type RedisConnection } from '../broker/connection/create-clients.js';
import type { CredentialsProvider } from '../broker/connection/credentials.js';
import type { Codec } from '../codec/codec.js';
import { InvalidOptionError } from '../errors.js';

/** The longest delay that a timer of Node takes. */
const MAX_DELAY = 2 ** 31 - 1;

/** Returns `value` if it is a number of milliseconds that a timer can take. */
export function checkMilliseconds(name: string, value: unknown, least = 0): number {
  const isDelay = typeof value === 'number' && value >= least && value <= MAX_DELAY;
  if (!isDelay) {
    throw new InvalidOptionError(name, `milliseconds from ${least} to ${MAX_DELAY}`, value);
  }
  return value;
}

export function checkCount(name: string, value: unknown, least: number): number {
  if (value === Infinity || (Number.isInteger(value) && Number(value) >= least))
    return Number(value);
  throw new InvalidOptionError(name, `an integer ≥ ${least}`, value);
}

export function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new InvalidOptionError(name, 'true or false', value);
}

export function checkOneOf<const T extends string>(
  name: string,
  value: unknown,
  allowed: readonly T[],
): T {
  const found = allowed.find((it) => it === value);
  if (found !== undefined) return found;
  throw new InvalidOptionError(name, allowed.map((it) => `"${it}"`).join(' or '), value);
}

export function assertPrefix(prefix: unknown, reservedSegment: unknown): void {
  if (typeof reservedSegment !== 'string' || !/^[\w-]+$/.test(reservedSegment)) {
    throw new InvalidOptionError('reservedSegment', 'letters, digits, "_" or "-"', reservedSegment);
  }
  if (typeof prefix !== 'string' || !prefix.isWellFormed()) {
    throw new InvalidOptionError('prefix', 'a string of well-formed text', prefix);
  }
  if (prefix.startsWith(`${reservedSegment}.`)) {
    throw new InvalidOptionError('prefix', `outside the reserved "${reservedSegment}."`, prefix);
  }
}

export function assertHook(name: string, hook: unknown, method: string): void {
  const isHook =
    typeof hook === 'object' && hook !== null && typeof Reflect.get(hook, method) === 'function';
  if (hook === undefined || isHook) return;
  throw new InvalidOptionError(name, `an object with the function "${method}"`, hook);
}

export function checkCodec(codec: unknown): 'envelope' | 'json' | Codec {
  const isCodec =
    typeof codec === 'object' &&
    codec !== null &&
    ['encode', 'decode'].every((key) => typeof Reflect.get(codec, key) === 'function');
  if (isCodec) return codec as Codec;
  if (codec === 'envelope' || codec === 'json') return codec;
  throw new InvalidOptionError(
    'codec',
    '"envelope", "json" or an object with the functions "encode" and "decode"',
    codec,
  );
}

export function checkConnection(connection: unknown): RedisConnection {
  if (typeof connection === 'string') return checkUrl(connection);
  if (typeof connection !== 'object' || connection === null || Array.isArray(connection)) {
    throw new InvalidOptionError(
      'connection',
      'a redis:// URL, ioredis options or an ioredis client',
      connection,
    );
  }
  if (isClient(connection)) return connection;
  if ('nodes' in connection) return checkCluster(connection);
  return checkRedisOptions(connection);
}

export function checkCredentials(
  credentials: unknown,
  connection: unknown,
): CredentialsProvider | undefined {
  if (credentials === undefined) return undefined;
  if (typeof credentials !== 'function') {
    const isText = typeof credentials === 'string';
    throw new InvalidOptionError('credentials', 'a function', isText ? '…' : credentials);
  }
  if (isClient(connection)) {
    throw new InvalidOptionError(
      'credentials',
      'absent beside a client of your own, which logs in by itself',
      credentials,
    );
  }
  return credentials as CredentialsProvider;
}

function checkCluster(connection: { nodes: unknown }): RedisConnection {
  const { nodes } = connection;
  if (!Array.isArray(nodes) || nodes.length === 0) {
    throw new InvalidOptionError('connection.nodes', 'an array of at least one node', nodes);
  }
  const wrong: unknown = nodes.find((node) => !isClusterNode(node));
  if (wrong !== undefined) {
    throw new InvalidOptionError(
      'connection.nodes',
      'nodes as redis://host:port, a port or { host, port }; passwords and TLS go into options.redisOptions',
      typeof wrong === 'string' ? withoutLogin(wrong) : wrong,
    );
  }
  return connection as RedisConnection;
}

function isClusterNode(node: unknown): boolean {
  if (typeof node === 'number') return isPort(node);
  if (typeof node === 'string') return isNodeUrl(node.includes('://') ? node : `redis://${node}`);
  return typeof node === 'object' && node !== null && (!('port' in node) || isPort(node.port));
}

function isNodeUrl(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, username, password, hostname } = new URL(url);
  return protocol === 'redis:' && username + password === '' && hostname !== '';
}

function checkUrl(url: string): string {
  if (URL.canParse(url) && ['redis:', 'rediss:'].includes(new URL(url).protocol)) return url;
  throw new InvalidOptionError('connection', 'a redis:// or rediss:// URL', withoutLogin(url));
}

/** Whatever stands before the last @ may be a password. */
function withoutLogin(url: string): string {
  return url.replace(/^.*@/s, '…@');
}

function checkRedisOptions(options: object): RedisConnection {
  const { port, host, retryStrategy, url } = options as Record<string, unknown>;
  if (url !== undefined) {
    // It would connect to localhost.
    throw new InvalidOptionError(
      'connection.url',
      'the "connection" itself, since ioredis has no such option',
      typeof url === 'string' ? withoutLogin(url) : url,
    );
  }
  if (port !== undefined && !isPort(port)) {
    throw new InvalidOptionError('connection.port', 'a port from 1 to 65535', port);
  }
  if (host !== undefined && typeof host !== 'string') {
    throw new InvalidOptionError('connection.host', 'a string', host);
  }
  if (
    retryStrategy !== undefined &&
    retryStrategy !== null &&
    typeof retryStrategy !== 'function'
  ) {
    throw new InvalidOptionError('connection.retryStrategy', 'a function', retryStrategy);
  }
  return options;
}

function isPort(port: unknown): boolean {
  const isNumber = typeof port === 'number' || (typeof port === 'string' && /^\d+$/.test(port));
  return isNumber && Number.isInteger(Number(port)) && Number(port) > 0 && Number(port) < 65_536;
}

export function assertTransportId(transportId: unknown): void {
  if (!['undefined', 'symbol', 'number'].includes(typeof transportId)) {
    throw new InvalidOptionError('transportId', 'a symbol or a Transport', transportId);
  }
}

export function checkPublishBuffer(
  value: unknown,
  defaults: { maxMessages: number; maxAge: number },
): false | { maxMessages: number; maxAge: number } {
  if (value === false) return false;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidOptionError(
      'publishBuffer',
      'false or an object with maxMessages and maxAge',
      value,
    );
  }
  const unknown = Object.keys(value).find((name) => !(name in defaults));
  if (unknown !== undefined) {
    throw new InvalidOptionError(
      'publishBuffer',
      'an object with nothing but maxMessages and maxAge',
      unknown,
    );
  }
  const { maxMessages = defaults.maxMessages, maxAge = defaults.maxAge } = value as {
    maxMessages?: number;
    maxAge?: number;
  };
  return {
    maxMessages: checkCount('publishBuffer.maxMessages', maxMessages, 1),
    maxAge: checkMilliseconds('publishBuffer.maxAge', maxAge, 1),
  };
}
