// What a local cache costs: `npm run build && node bench/cache-cost.mjs`
//
// One process has a local cache over a Redis in memory, with 10,000 values. It reads random keys, and each read is a hit:
// `peek`, `get`, and `get` of a Keyv over a `LocalCacheStore`. For comparison it reads the same keys of a Map, and of a Keyv
// over a Map. The readers take turns. The figures are medians, in nanoseconds of CPU for each read. The last line is one
// `invalidate`, which publishes, in microseconds.
import 'reflect-metadata';
import { setImmediate } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Keyv } from 'keyv';
import { LocalCache, LocalCacheStore } from '../dist/cache/index.js';
import { RedisPubSubModule, RedisPubSubService } from '../dist/index.js';
import { InMemoryRedis } from '../dist/testing/index.js';

const ROUNDS = 12;
/** The first rounds warm the compiler up. */
const WARM_UP = 3;
const KEYS = 10_000;
const READS = 50_000;
const WRITES = 2_000;

class Root {}
const connection = new InMemoryRedis();
Module({ imports: [RedisPubSubModule.forRoot({ connection })] })(Root);
const app = await NestFactory.createApplicationContext(Root, { logger: false });
const pubsub = app.get(RedisPubSubService);

const value = { id: 7, name: 'Ada Lovelace' };
const options = { ttl: 600_000, maxEntries: 2 * KEYS };
const cache = new LocalCache(pubsub, { ...options, channel: 'bench.cache' });
const before = (store) => new LocalCacheStore(pubsub, { ...options, channel: 'bench.keyv', store });
const local = new Keyv({ store: before(new Map()) });
const plain = new Keyv();
const map = new Map();

const keys = Array.from({ length: KEYS }, (_, at) => `user:${at}`);
const fill = async () => {
  // The subscription is acknowledged in a later turn of the event loop.
  await setImmediate();
  for (const key of keys) {
    map.set(key, value);
    await cache.get(key, () => value);
    await local.get(key);
  }
};
for (const key of keys) {
  await plain.set(key, value);
  await local.set(key, value);
}
while (cache.size < KEYS || local.opts.store.cache.size < KEYS) await fill();

const random = keys.map(() => keys[Math.floor(Math.random() * KEYS)]);
const keyAt = (at) => random[at % KEYS];
const miss = () => {
  throw new Error('Each read must be a hit');
};

const READERS = {
  Map: () => {
    for (let at = 0; at < READS; at++) if (map.get(keyAt(at)) === undefined) miss();
  },
  peek: () => {
    for (let at = 0; at < READS; at++) if (cache.peek(keyAt(at)) === undefined) miss();
  },
  get: async () => {
    for (let at = 0; at < READS; at++) await cache.get(keyAt(at), miss);
  },
  'Keyv over a Map': async () => {
    for (let at = 0; at < READS; at++) await plain.get(keyAt(at));
  },
  'Keyv over a LocalCacheStore': async () => {
    for (let at = 0; at < READS; at++) await local.get(keyAt(at));
  },
};

async function cpuOf(count, work) {
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / count;
}

const middle = (values) => values.toSorted((one, other) => one - other)[values.length >> 1];
const median = (values) => middle(values.slice(WARM_UP));

const figures = Object.fromEntries(Object.keys(READERS).map((name) => [name, []]));
const writes = [];
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, read] of Object.entries(READERS)) {
    figures[name].push((await cpuOf(READS, read)) * 1_000);
  }
  writes.push(
    await cpuOf(WRITES, async () => {
      for (let at = 0; at < WRITES; at++) await cache.invalidate('none');
    }),
  );
}
for (const [name, values] of Object.entries(figures)) {
  console.log(`${name.padEnd(28)} ${median(values).toFixed(0)} ns`);
}
console.log(`${'invalidate'.padEnd(28)} ${median(writes).toFixed(1)} µs`);
await app.close();
