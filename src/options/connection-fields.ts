import { isIP } from 'node:net';
import { InvalidOptionError } from '../errors.js';
import { onlyAddress, withoutText } from '../shared/clean-error.js';
import { nameInIoredis } from './connection-names.js';

/** The longest delay that a timer of Node takes. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** What a field of a connection must be, in words, and whether a value is that. */
interface FieldRule {
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
}

const isString = (value: unknown): value is string => typeof value === 'string';
const isFunction = (value: unknown): boolean => typeof value === 'function';
const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const MILLISECONDS: FieldRule = {
  expected: `milliseconds from 0 to ${MAX_DELAY_MS}`,
  accepts: (value) => typeof value === 'number' && value >= 0 && value <= MAX_DELAY_MS,
};
const TEXT: FieldRule = { expected: 'a string', accepts: isString };
/** A password may be a number in a file of settings. */
const LOGIN: FieldRule = {
  expected: 'a string',
  accepts: (value) => isString(value) || (typeof value === 'number' && !Number.isNaN(value)),
};
const FUNCTION: FieldRule = { expected: 'a function', accepts: isFunction };
const TLS: FieldRule = {
  expected: 'an object of TLS options, true or false',
  accepts: (value) => isObject(value) || typeof value === 'boolean' || isString(value),
};
const OBJECT_OR_FUNCTION: FieldRule = {
  expected: 'an object or a function',
  accepts: (value) => isObject(value) || isFunction(value),
};

/** The fields of ioredis whose wrong values would end the process, or lead to another server. */
const FIELDS: Readonly<Partial<Record<string, FieldRule>>> = {
  host: {
    expected: 'a host name or an address without a port, as a string',
    accepts: isHost,
  },
  port: { expected: 'a port from 1 to 65535', accepts: isPort },
  path: {
    expected: 'the path of a unix socket',
    accepts: (value) => isString(value) && value !== '' && !/:\/\/|:.*@/.test(value),
  },
  db: { expected: 'the number of a database', accepts: isDatabase },
  family: { expected: '4, 6 or 0', accepts: (value) => [0, 4, 6].includes(value as number) },
  protocol: { expected: '2 or 3', accepts: (value) => value === 2 || value === 3 },
  username: LOGIN,
  password: LOGIN,
  sentinelUsername: LOGIN,
  sentinelPassword: LOGIN,
  connectionName: TEXT,
  clientInfoTag: TEXT,
  name: TEXT,
  connectTimeout: MILLISECONDS,
  commandTimeout: MILLISECONDS,
  socketTimeout: MILLISECONDS,
  sentinelCommandTimeout: MILLISECONDS,
  disconnectTimeout: MILLISECONDS,
  blockingTimeout: MILLISECONDS,
  blockingTimeoutGrace: MILLISECONDS,
  maxLoadingRetryTime: MILLISECONDS,
  keepAlive: MILLISECONDS,
  tls: TLS,
  sentinelTLS: TLS,
  retryStrategy: FUNCTION,
  reconnectOnError: FUNCTION,
  sentinelRetryStrategy: FUNCTION,
  Connector: {
    expected: 'a class',
    accepts: (value) => isFunction(value) && isObject(Reflect.get(value as object, 'prototype')),
  },
  natMap: OBJECT_OR_FUNCTION,
  scripts: { expected: 'an object', accepts: isObject },
  himportFieldsets: { expected: 'an array', accepts: Array.isArray },
  sentinels: {
    expected: 'an array of at least one { host, port }, each with its host or its port',
    accepts: (value) => Array.isArray(value) && value.length > 0 && value.every(isAddress),
  },
  preferredSlaves: {
    expected: 'an array, an object or a function',
    accepts: (value) => Array.isArray(value) || OBJECT_OR_FUNCTION.accepts(value),
  },
};

/** Fields whose values are addresses, here and at other clients. */
const ADDRESSES: ReadonlySet<string> = new Set(['host', 'hostname', 'address', 'url', 'uri']);

/** Fields whose values an error must not show. */
const SECRET = /password|pass|auth/i;

/**
 * Checks the fields of a connection; `where` goes before their names in an error.
 *
 * @throws InvalidOptionError for a value that ioredis does not survive, and for the name of another client's field
 */
export function checkFields(where: string, fields: object): void {
  for (const [field, value] of Object.entries(fields)) {
    const expected = value === undefined ? undefined : expectedOf(field, value);
    if (expected === undefined) continue;
    throw new InvalidOptionError(`${where}.${field}`, expected, shown(field, value));
  }
}

/** Text of another field than these may be a password. */
function shown(field: string, value: unknown): unknown {
  if (SECRET.test(field)) return '…';
  return ADDRESSES.has(field) ? onlyAddress(value) : withoutText(value);
}

/** What a field must be, in words; `undefined` if it is that. */
function expectedOf(field: string, value: unknown): string | undefined {
  const other = nameInIoredis(field);
  if (other !== undefined) return `called ${other}, as in ioredis`;
  const rule = Object.hasOwn(FIELDS, field) ? FIELDS[field] : undefined;
  // To ioredis null is the default; a host that is null would be localhost.
  if (!rule || (value === null && field !== 'host')) return undefined;
  return rule.accepts(value) ? undefined : rule.expected;
}

/** A host name or an address. What a missing variable leaves in a template is none. */
export function isHost(value: unknown): boolean {
  if (!isString(value) || value === 'undefined' || value === 'null') return false;
  return isIP(value) > 0 || /^[^\s:/@?#[\]]+$/.test(value) || /^[\da-f:]+%\w+$/i.test(value);
}

/** A port as a number, or as digits. */
export function isPort(port: unknown): boolean {
  const isNumber = typeof port === 'number' || (isString(port) && /^\d+$/.test(port));
  return isNumber && Number.isInteger(Number(port)) && Number(port) > 0 && Number(port) < 65_536;
}

function isDatabase(db: unknown): boolean {
  const isNumber = typeof db === 'number' || (isString(db) && /^\d+$/.test(db));
  return isNumber && Number.isSafeInteger(Number(db)) && Number(db) >= 0;
}

/** An object with a host, a port or both. What is given as `undefined` is a missing variable, and would be localhost. */
export function isAddress(value: unknown): boolean {
  if (!isObject(value)) return false;
  const isHostValid = 'host' in value ? isHost(value.host) : 'port' in value;
  return isHostValid && (!('port' in value) || isPort(value.port));
}
