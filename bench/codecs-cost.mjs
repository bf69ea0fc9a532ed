// What codecs cost: `npm run build && node bench/codecs-cost.mjs`
//
// One process publishes messages over a Redis in memory, with JSON and with MessagePack, and decodes their packets alone.
// Both decode a copy of the bytes, as a subscriber does. The data is one text, a list of objects, or a list of numbers. The
// codecs take turns. The figures are medians, in microseconds of CPU a message, and the size of the data in bytes.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { RedisPubSubModule, RedisPubSubService } from '../dist/index.js';
import { msgpack } from '../dist/msgpack/index.js';
import { InMemoryRedis } from '../dist/testing/index.js';

const ROUNDS = 16;
/** The first rounds warm the compiler up. */
const WARM_UP = 4;
/** The bytes of a round: small messages are many. */
const BYTES = 2 ** 20;

const packed = msgpack();
const CODECS = {
  JSON: {
    options: {},
    encode: (value) => Buffer.from(JSON.stringify(value)),
    decode: (bytes) => JSON.parse(bytes.toString()),
  },
  MessagePack: {
    options: { codec: packed },
    encode: (value) => Buffer.from(packed.encode(value)),
    decode: (bytes) => packed.decode(bytes),
  },
};

const item = (at) => ({ id: at, name: `item ${at}`, tags: ['a', 'b'], price: at * 1.25, ok: true });
const PAYLOADS = {
  'text, 60 B': { id: 7, name: 'Ada Lovelace', text: 'x'.repeat(20) },
  'text, 1 KB': { id: 7, name: 'Ada Lovelace', text: 'x'.repeat(960) },
  'text, 16 KB': { id: 7, name: 'Ada Lovelace', text: 'x'.repeat(16_000) },
  'objects, 1 KB': Array.from({ length: 16 }, (_, at) => item(at)),
  'objects, 16 KB': Array.from({ length: 240 }, (_, at) => item(at)),
  'numbers, 1 KB': Array.from({ length: 56 }, (_, at) => Math.sin(at)),
  'numbers, 16 KB': Array.from({ length: 850 }, (_, at) => Math.sin(at)),
};

async function start(options) {
  class Root {}
  const redis = new InMemoryRedis();
  const module = RedisPubSubModule.forRoot({ connection: redis, ...options });
  Module({ imports: [module] })(Root);
  const app = await NestFactory.createApplicationContext(Root, { logger: false });
  return { app, redis, pubsub: app.get(RedisPubSubService) };
}

async function cpuOf(count, work) {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

function copyOf(bytes) {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

const middle = (values) => values.toSorted((one, other) => one - other)[values.length >> 1];
const median = (values) => middle(values.slice(WARM_UP));

for (const [payload, data] of Object.entries(PAYLOADS)) {
  console.log(payload);
  const packet = { pattern: 'bench.out', data, mid: 'AbCdEfGh.1-1000' };
  const entries = [];
  for (const [name, { options, encode, decode }] of Object.entries(CODECS)) {
    const { app, pubsub } = await start(options);
    const size = encode(data).length;
    entries.push({ name, app, pubsub, decode, bytes: encode(packet), size, out: [], in: [] });
  }
  const count = Math.max(100, Math.floor(BYTES / entries[0].bytes.length / 4));
  const calls = Array.from({ length: count });
  for (let round = 0; round < ROUNDS; round++) {
    for (const { pubsub, decode, bytes, ...figures } of entries) {
      const publish = () => Promise.all(calls.map(() => pubsub.publish('bench.out', data)));
      figures.out.push(await cpuOf(count, publish));
      figures.in.push(await cpuOf(count, () => calls.map(() => decode(copyOf(bytes)))));
    }
  }
  for (const figures of entries) {
    const text = `published ${median(figures.out).toFixed(2)}, decoded ${median(figures.in).toFixed(2)} µs, ${figures.size} B`;
    console.log(`  ${figures.name.padEnd(12)} ${text}`);
    await figures.app.close();
  }
}
