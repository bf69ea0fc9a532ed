import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { RedisBinary } from 'redis-memory-server';

let found: Promise<string> | undefined;

/**
 * The binary of the Redis server: the one that REDIS_SERVER_BINARY names, or `redis-server` or `valkey-server` from
 * PATH, or else one that `redis-memory-server` downloads and builds. Rejects if that fails.
 */
export function findServerBinary(): Promise<string> {
  found ??= find();
  return found;
}

async function find(): Promise<string> {
  return process.env.REDIS_SERVER_BINARY ?? (await findOnPath()) ?? (await RedisBinary.getPath());
}

async function findOnPath(): Promise<string | undefined> {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  for (const name of ['redis-server', 'valkey-server']) {
    for (const folder of folders) {
      const path = join(folder, name);
      const isExecutable = await access(path, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (isExecutable) return path;
    }
  }
  return undefined;
}
