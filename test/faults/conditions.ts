import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Redis } from 'ioredis';
import { startPrivateRedis } from '../../sample/support/private-redis.js';
import { resolveOptions } from '../../src/options/resolve-options.js';
import { BUILT_IN_WITH_RETRIES } from '../support/faults/candidates.js';
import { ROUNDS } from './fault.js';

/** The versions, the machine and the options of the measurements, as Markdown. */
export async function conditionsOf(): Promise<string> {
  const [nest, ioredis, redis] = await Promise.all([
    versionOf('@nestjs/microservices'),
    versionOf('ioredis'),
    redisVersion(),
  ]);
  const { pingInterval, pingTimeout, probeInterval, startTimeout } =
    resolveOptions('RedisPubSubServer');
  const date = new Date().toISOString().slice(0, 10);
  return [
    `Measured with \`npm run faults\` on ${date}: @nestjs/microservices ${nest}, ioredis ${ioredis},`,
    `Redis ${redis}, Node ${process.versions.node}, ${availableParallelism()} cores. Medians of ${ROUNDS} rounds.`,
    `Retries are ${BUILT_IN_WITH_RETRIES.settings}. Everything else has its default options; those of this`,
    `package are \`pingInterval: ${pingInterval}, pingTimeout: ${pingTimeout}, probeInterval: ${probeInterval},`,
    `startTimeout: ${startTimeout}\`.`,
    '',
  ].join('\n');
}

async function versionOf(name: string): Promise<string> {
  const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(await readFile(file, 'utf8')) as { version: string }).version;
}

async function redisVersion(): Promise<string> {
  const server = await startPrivateRedis();
  const client = new Redis(server.port);
  const info = await client.info('server');
  client.disconnect();
  await server.stop();
  return /redis_version:(\S+)/.exec(info)?.[1] ?? 'of an unknown version';
}
