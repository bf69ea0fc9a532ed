import { isClient, type RedisConnection } from './broker/clients.js';
import type { Codec } from './codec/codec.js';
import { InvalidOptionError } from './errors.js';

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
  if ('nodes' in connection || ('isCluster' in connection && connection.isCluster === true)) {
    throw new InvalidOptionError('connection', 'a standalone Redis or Sentinel', 'a Cluster');
  }
  if (isClient(connection)) return connection;
  return checkRedisOptions(connection);
}

function checkUrl(url: string): string {
  if (URL.canParse(url) && ['redis:', 'rediss:'].includes(new URL(url).protocol)) return url;
  // Whatever stands before the last @ may be a password.
  const shown = url.replace(/^.*@/s, '…@');
  throw new InvalidOptionError('connection', 'a redis:// or rediss:// URL', shown);
}

function checkRedisOptions(options: object): RedisConnection {
  const { port, host, retryStrategy } = options as Record<string, unknown>;
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
  const { maxMessages, maxAge } = { ...defaults, ...value };
  return {
    maxMessages: checkCount('publishBuffer.maxMessages', maxMessages, 1),
    maxAge: checkMilliseconds('publishBuffer.maxAge', maxAge, 1),
  };
}
