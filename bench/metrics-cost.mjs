// What the metrics for Prometheus cost: `npm run build && node bench/metrics-cost.mjs`
//
// One process publishes messages, and then handles messages of another publisher, over a Redis in memory. Each is
// measured without telemetry, with telemetry that counts nothing, and with the metrics. They take turns. The figures are
// medians, in microseconds of CPU a message.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern } from '@nestjs/microservices';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setImmediate } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { RedisPubSubModule, RedisPubSubService } from '../dist/index.js';
import { PubSubMetricsModule } from '../dist/prometheus/index.js';
import { InMemoryRedis } from '../dist/testing/index.js';

const MESSAGES = 20_000;
const ROUNDS = 20;
/** The first rounds warm the compiler up. */
const WARM_UP = 4;

const CHANNELS = Array.from({ length: 1_000 }, (_, at) => `user.${at}`);
const EVENTS = ['publish', 'receive', 'handle'].map((name) => `nestjs-redis-pubsub:${name}`);

const handled = { count: 0 };

class Handlers {
  onUser() {
    handled.count++;
  }
}
const method = Object.getOwnPropertyDescriptor(Handlers.prototype, 'onUser');
EventPattern('user.:id')(Handlers.prototype, 'onUser', method);

async function start(imports) {
  class Root {}
  const redis = new InMemoryRedis();
  const module = RedisPubSubModule.forRoot({ connection: redis });
  Module({ imports: [module, ...imports], providers: [Handlers] })(Root);
  const app = await NestFactory.createApplicationContext(Root, { logger: false });
  return { app, redis, pubsub: app.get(RedisPubSubService) };
}

async function cpuOf(work) {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / MESSAGES;
}

async function publishAll({ pubsub }) {
  for (let sent = 0; sent < MESSAGES; sent += CHANNELS.length) {
    await Promise.all(CHANNELS.map((name) => pubsub.publish(`other.${name}`, 1)));
  }
}

async function handleAll({ redis }) {
  const end = handled.count + MESSAGES;
  for (let sent = 0; sent < MESSAGES; sent += CHANNELS.length) {
    for (const name of CHANNELS) redis.publish(name, '{"data":1}');
    await setImmediate();
  }
  while (handled.count < end) await setImmediate();
}

const ignore = () => undefined;

const WAYS = {
  'without telemetry': () => start([]),
  'with telemetry': async () => {
    for (const name of EVENTS) subscribe(name, ignore);
    return start([]);
  },
  'with metrics': () => start([PubSubMetricsModule.forRoot({ register: new Registry() })]),
};

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const figures = Object.keys(WAYS).map((way) => ({ way, published: [], handled: [] }));
for (let round = 0; round < ROUNDS; round++) {
  for (const figure of figures) {
    const started = await WAYS[figure.way]();
    const published = await cpuOf(() => publishAll(started));
    const received = await cpuOf(() => handleAll(started));
    await started.app.close();
    for (const name of EVENTS) unsubscribe(name, ignore);
    if (round < WARM_UP) continue;
    figure.published.push(published);
    figure.handled.push(received);
  }
}
for (const { way, ...us } of figures) {
  const text = `published ${median(us.published).toFixed(2)}, handled ${median(us.handled).toFixed(2)}`;
  console.log(`${way}: ${text} µs`);
}
