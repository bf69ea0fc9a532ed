// What an open inspector page costs: `npm run build && node bench/inspector-cost.mjs`
//
// One process has a fleet of ten instances with ten handlers each and 1,000 channels, over a Redis in memory, and an
// application with the page. A reader asks as the page does, or does not; they take turns. The figure is the median of
// the differences, in milliseconds of CPU for one refresh: of the application, all its instances, and the reader.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern } from '@nestjs/microservices';
import { setTimeout } from 'node:timers/promises';
import { RedisPubSubModule, RedisPubSubService } from '../dist/index.js';
import { PubSubInspectorModule } from '../dist/inspector/index.js';
import { InMemoryRedis } from '../dist/testing/index.js';

const INSTANCES = 10;
const HANDLERS = 10;
const CHANNELS = 1_000;
const ROUNDS = 20;
const INTERVAL_MS = 500;

class Handlers {}
for (let i = 0; i < HANDLERS; i++) {
  Handlers.prototype[`on${i}`] = () => {};
  const descriptor = Object.getOwnPropertyDescriptor(Handlers.prototype, `on${i}`);
  EventPattern(`event.${i}.*`)(Handlers.prototype, `on${i}`, descriptor);
}

const redis = new InMemoryRedis();

async function start(imports = []) {
  class Root {}
  const pubsub = RedisPubSubModule.forRoot({ connection: redis, name: 'shop' });
  Module({ imports: [pubsub, ...imports], providers: [Handlers] })(Root);
  return NestFactory.create(Root, { logger: ['error'] });
}

const others = await Promise.all(Array.from({ length: INSTANCES - 1 }, () => start()));
await Promise.all(others.map((app) => app.init()));
const page = PubSubInspectorModule.forRoot({ guard: false, refreshInterval: INTERVAL_MS });
const app = await start([page]);
await app.listen(0, '127.0.0.1');
const url = `${await app.getUrl()}/pubsub`;
const service = app.get(RedisPubSubService);
for (let i = 0; i < CHANNELS; i++) await service.subscribe(`user.${i}`, () => {});

const read = async (path) => (await fetch(`${url}${path}`)).text();
const used = async (work) => {
  const before = process.cpuUsage();
  await work();
  await setTimeout(INTERVAL_MS + 20);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
};
const median = (values) => values.toSorted((one, other) => one - other)[values.length >> 1];

const differences = [];
for (let round = 0; round < ROUNDS; round++) {
  const idle = await used(async () => undefined);
  differences.push((await used(() => read('/data'))) - idle);
}
const data = await read('/data');
const { fleet } = JSON.parse(data);
console.log(`${fleet.totals.instances} instances, ${fleet.totals.handlers} handlers`);
console.log(`one refresh: ${median(differences).toFixed(1)} ms of CPU, ${data.length} bytes`);
console.log(`the page: ${Buffer.byteLength(await read(''))} bytes`);

await Promise.all([app, ...others].map((it) => it.close()));
process.exit(0);
