import type { RedisOptions } from 'ioredis';

/** Where what calls itself `host:port` is from here, if the user's `natMap` knows it; as ioredis reads that. */
export function translated(
  natMap: RedisOptions['natMap'],
  address: string,
): { host: string; port: number } | undefined {
  return (typeof natMap === 'function' ? natMap(address) : natMap?.[address]) ?? undefined;
}
