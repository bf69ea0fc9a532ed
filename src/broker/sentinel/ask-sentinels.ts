import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Redis, type RedisOptions, type SentinelAddress } from 'ioredis';
import { translated } from '../connection/nat-map.js';
import { ask, SCOUT } from '../connection/one-off-query.js';

/** Sentinels listen here unless they are told otherwise. */
const SENTINEL_PORT = 26_379;

/**
 * Where each of the sentinels in these options says that the master is: `ip:port`, one for each
 * address of it; `undefined` where no answer came. Never rejects.
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
  const answer = await ask(
    scoutTo(sentinel, options),
    (redis) => redis.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name),
    signal,
  );
  if (!Array.isArray(answer)) return undefined;
  const [host, port] = answer.map(String);
  const mapped = translated(options.natMap, `${host}:${port}`);
  return addressesOf(mapped ?? { host: host ?? '', port: Number(port) });
}

/** As ioredis itself connects to a sentinel. */
function scoutTo({ host, port, family }: Partial<SentinelAddress>, options: RedisOptions): Redis {
  return new Redis({
    ...SCOUT,
    host,
    port: port ?? SENTINEL_PORT,
    family: family ?? options.family,
    username: options.sentinelUsername,
    password: options.sentinelPassword,
    tls: options.sentinelTLS,
    protocol: options.protocol,
  });
}

/** A sentinel may name the master by its host name, a socket knows of addresses only. */
async function addressesOf({ host, port }: { host: string; port: number }): Promise<string[]> {
  if (isIP(host) > 0) return [`${host}:${port}`];
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => `${address}:${port}`);
}
