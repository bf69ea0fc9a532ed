// What a stream of 500 tokens costs: `npm run build && node bench/resumable-cost.mjs <port of an empty Redis>`
//
// An instance writes streams of 500 chunks of six bytes, one after the other, and another one reads each while it is
// written, and again when it has ended. Redis' figures are those of INFO and MEMORY USAGE, and time is CPU time of this process.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import { lastValueFrom, toArray } from 'rxjs';
import { RedisPubSubModule, RedisPubSubService } from '../dist/index.js';
import { ResumableStreams } from '../dist/resumable/index.js';

const CHUNKS = 500;
const ROUNDS = 20;
const port = Number(process.argv[2]);
if (!(port > 0)) throw new Error('Usage: node bench/resumable-cost.mjs <port of an empty Redis>');

const redis = new Redis(port);
async function start() {
  class Root {}
  Module({ imports: [RedisPubSubModule.forRoot({ connection: { port } })] })(Root);
  const app = await NestFactory.createApplicationContext(Root, { logger: ['error'] });
  return { app, streams: new ResumableStreams(app.get(RedisPubSubService)) };
}
async function* source() {
  for (let i = 0; i < CHUNKS; i++) yield 'token ';
}
const published = async () => {
  const stats = await redis.info('commandstats');
  return Number(/cmdstat_publish:calls=(\d+)/.exec(stats)?.[1] ?? 0);
};
const median = (values) => values.toSorted((one, other) => one - other)[values.length >> 1];
const used = async (work) => {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
};
const read = ({ streams }, id) =>
  lastValueFrom(streams.read(id, { startTimeout: 5_000 }).pipe(toArray()));

const [writer, reader] = [await start(), await start()];
const figures = { written: [], read: [], publishes: [], bytes: [] };
for (let round = 0; round < ROUNDS; round++) {
  const id = `round-${round}`;
  const before = await published();
  figures.written.push(
    await used(async () => {
      const live = [read(reader, id), read(reader, id)];
      const { done } = await writer.streams.start(id, source);
      await Promise.all([done, ...live]);
    }),
  );
  figures.publishes.push((await published()) - before);
  figures.read.push(await used(() => read(reader, id)));
  figures.bytes.push(
    await redis.memory('USAGE', `_pubsub.history:{resumable.${id}}`, 'SAMPLES', 0),
  );
}
console.log(`${CHUNKS} chunks for two readers: ${median(figures.publishes)} publishes`);
console.log(`written, and read twice: ${median(figures.written).toFixed(1)} ms of CPU`);
console.log(`read again after the end: ${median(figures.read).toFixed(1)} ms of CPU`);
console.log(`in Redis: ${median(figures.bytes)} bytes`);
await Promise.all([writer, reader].map(({ app }) => app.close()));
redis.disconnect();
