import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Redis, type RedisOptions, type SentinelAddress } from 'ioredis';
import { translate } from '../connection/nat-map.js';
import { ONE_OFF_OPTIONS, queryOnce } from '../connection/one-off-query.js';

const DEFAULT_SENTINEL_PORT = 26_379;

/**
 * Asks each sentinel in these options for the master. Resolves to the addresses `ip:port` of it, or to
 * `undefined`, for each sentinel. Never rejects.
 *
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/
 */
export function askSentinels(
  options: RedisOptions,
  signal: AbortSignal,
): Promise<(string[] | undefined)[]> {
  const { sentinels = [] } = options;
  return Promise.all(
    sentinels.map((sentinel) => askSentinel(sentinel, options, signal).catch(() => undefined)),
  );
}

async function askSentinel(
  sentinel: Partial<SentinelAddress>,
  options: RedisOptions,
  signal: AbortSignal,
): Promise<string[] | undefined> {
  const { name = '' } = options;
  const answer = await queryOnce(
    clientOf(sentinel, options),
    (redis) => redis.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name),
    signal,
  );
  if (!Array.isArray(answer)) return undefined;
  const [host, port] = answer.map(String);
  const translated = translate(options.natMap, `${host}:${port}`);
  return resolveAddresses(translated ?? { host: host ?? '', port: Number(port) });
}

/** Takes the same options as ioredis does for its connection to a sentinel. */
function clientOf({ host, port, family }: Partial<SentinelAddress>, options: RedisOptions): Redis {
  return new Redis({
    ...ONE_OFF_OPTIONS,
    host,
    port: port ?? DEFAULT_SENTINEL_PORT,
    family: family ?? options.family,
    username: options.sentinelUsername,
    password: options.sentinelPassword,
    tls: options.sentinelTLS,
    // Absent in ioredis 5.
    ...('protocol' in options && { protocol: options.protocol }),
  });
}

/** A sentinel may name the master by its host name, while a socket has an address. */
async function resolveAddresses(server: { host: string; port: number }): Promise<string[]> {
  const { host, port } = server;
  if (isIP(host) > 0) return [`${host}:${port}`];
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => `${address}:${port}`);
}
