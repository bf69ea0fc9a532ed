import type { RedisOptions } from 'ioredis';

/** Translates the address `host:port` of a server with the user's `natMap`, as ioredis does; `undefined` if it has no entry. */
export function translate(
  natMap: RedisOptions['natMap'],
  address: string,
): { host: string; port: number } | undefined {
  return (typeof natMap === 'function' ? natMap(address) : natMap?.[address]) ?? undefined;
}
