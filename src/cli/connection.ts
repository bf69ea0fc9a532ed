import type { PubSubInspectorOptions } from '../introspection/pub-sub-inspector.js';
import { onlyAddress } from '../shared/clean-error.js';
import { isDecodable } from '../shared/is-decodable.js';
import { textOption, type OptionSpecs, type OptionValues } from './arguments.js';
import { UsageError } from './usage-error.js';

const DEFAULT_URL = 'redis://localhost:6379';
const DEFAULT_SENTINEL_PORT = 26_379;

/** The options of every command. */
export const CONNECTION_OPTIONS: OptionSpecs = {
  url: {
    type: 'string',
    value: 'URL',
    help: `Redis, with the login; rediss:// for TLS. Default: $REDIS_URL, or ${DEFAULT_URL}`,
  },
  cluster: { type: 'boolean', help: 'The URL is that of one node of a Cluster' },
  sentinel: {
    type: 'string',
    value: 'NAME',
    help: 'The URL is that of a sentinel, which names this master. $SENTINEL_PASSWORD is for the sentinel',
  },
  prefix: { type: 'string', value: 'TEXT', help: 'The option "prefix" of the application' },
  'reserved-segment': {
    type: 'string',
    value: 'TEXT',
    help: 'The option "reservedSegment" of the application',
  },
  timeout: {
    type: 'string',
    value: 'MS',
    help: 'How long to wait for the answers of instances, in milliseconds. Default: 500',
  },
  json: { type: 'boolean', help: 'Print JSON, for scripts' },
  help: { type: 'boolean', help: 'Print this help' },
};

/** The variables of the environment that a command reads. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Which Redis a command asks.
 *
 * @throws UsageError for a URL that is none, and for options that exclude each other
 */
export function connectionOf(values: OptionValues, env: Environment): PubSubInspectorOptions {
  const prefix = textOption(values, 'prefix');
  const reservedSegment = textOption(values, 'reserved-segment');
  return {
    connection: redisOf(values, env),
    ...(prefix !== undefined && { prefix }),
    ...(reservedSegment !== undefined && { reservedSegment }),
  };
}

function redisOf(values: OptionValues, env: Environment): PubSubInspectorOptions['connection'] {
  const url = textOption(values, 'url') ?? (env.REDIS_URL || DEFAULT_URL);
  const parsed = parseUrl(url);
  const sentinel = textOption(values, 'sentinel');
  if (values.cluster === true && sentinel !== undefined) {
    throw new UsageError('Expected --cluster or --sentinel, got both');
  }
  const login = loginOf(parsed);
  if (values.cluster === true) {
    return {
      nodes: [{ host: hostOf(parsed), port: portOf(parsed, 6379) }],
      options: { redisOptions: login },
    };
  }
  if (sentinel === undefined) return url;
  return {
    sentinels: [{ host: hostOf(parsed), port: portOf(parsed, DEFAULT_SENTINEL_PORT) }],
    name: sentinel,
    ...login,
    ...(login.tls && { sentinelTLS: {}, enableTLSForSentinelMode: true }),
    ...(env.SENTINEL_PASSWORD && { sentinelPassword: env.SENTINEL_PASSWORD }),
  };
}

function parseUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed && ![parsed.username, parsed.password].every(isDecodable)) {
    throw new UsageError(
      'Expected the login in --url or REDIS_URL to be percent-encoded: "%" is written as %25',
    );
  }
  if (parsed && /^rediss?:$/.test(parsed.protocol) && parsed.hostname !== '') return parsed;
  throw new UsageError(
    `Expected --url or REDIS_URL to be redis://host:port or rediss://host:port, got "${String(onlyAddress(url))}"`,
  );
}

function loginOf({ username, password, protocol }: URL) {
  return {
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' && { tls: {} }),
  };
}

/** IPv6 addresses are in brackets in URLs alone. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

function portOf({ port }: URL, fallback: number): number {
  return port === '' ? fallback : Number(port);
}
