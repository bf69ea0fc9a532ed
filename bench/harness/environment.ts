import { readFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './root.js';

/** The machine and the versions that the figures were measured with. */
export interface Environment {
  /** ISO 8601. */
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  /** The 15-minute load average at the end of the run. Other load makes the figures noisy. */
  readonly load: number;
  /** In GB. */
  readonly memory: number;
  readonly versions: Readonly<Record<string, string>>;
}

/** Reads the environment of this run. */
export async function environment(redisVersion: string): Promise<Environment> {
  const [cpu] = cpus();
  return {
    date: new Date().toISOString(),
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    load: loadavg()[2] ?? 0,
    memory: Math.round(totalmem() / 1e9),
    versions: {
      'nestjs-redis-pubsub': await versionIn(''),
      node: process.versions.node,
      redis: redisVersion,
      '@nestjs/core': await versionIn('node_modules/@nestjs/core'),
      '@nestjs/microservices': await versionIn('node_modules/@nestjs/microservices'),
      ioredis: await versionIn('node_modules/ioredis'),
      'node-redis': await versionIn('node_modules/redis'),
    },
  };
}

async function versionIn(folder: string): Promise<string> {
  const text = await readFile(join(ROOT, folder, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
