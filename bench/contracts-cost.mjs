// What contracts cost: `npm run build && node bench/contracts-cost.mjs`
//
// One process publishes messages, and then handles messages of another publisher, over a Redis in memory. The same
// handler is a plain one, one of a contract without validation, one of a contract with Zod, and one with the pipe of Nest
// for the same schema. They take turns. The figures are medians, in microseconds of CPU a message.
import 'reflect-metadata';
import { Module, StandardSchemaValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { defineEvents, On, RedisPubSubModule, RedisPubSubService } from '../dist/index.js';
import { InMemoryRedis } from '../dist/testing/index.js';

const MESSAGES = 20_000;
const ROUNDS = 20;
/** The first rounds warm the compiler up. */
const WARM_UP = 4;
const TICK = 1_000;

const NAME = 'user.:id.created';
const IDS = Array.from({ length: TICK }, (_, id) => id);
const USER = { id: 7, name: 'Ada Lovelace', tags: ['a', 'b'], text: 'Hello, world' };
const JSON_TEXT = JSON.stringify(USER);
const schema = z.object({
  id: z.int().min(1),
  name: z.string().max(100),
  tags: z.array(z.string()),
  text: z.string(),
});
const contract = defineEvents({ [NAME]: schema });
const unchecked = defineEvents({ [NAME]: schema }, { validate: false });

const handled = { count: 0 };

/** Decorates the method of a new class. */
function handlerOf(...decorate) {
  class Handlers {
    onUser(user) {
      handled.count += user.id === 7 ? 1 : 0;
    }
  }
  const method = Object.getOwnPropertyDescriptor(Handlers.prototype, 'onUser');
  for (const decorator of decorate) decorator(Handlers.prototype, 'onUser', method);
  return Handlers;
}

const withPipe = (target, key) =>
  Payload({ schema, pipes: [new StandardSchemaValidationPipe()] })(target, key, 0);

async function start(handler) {
  class Root {}
  const redis = new InMemoryRedis();
  const module = RedisPubSubModule.forRoot({ connection: redis });
  Module({ imports: [module], providers: handler ? [handler] : [] })(Root);
  const app = await NestFactory.createApplicationContext(Root, { logger: false });
  return { app, redis, pubsub: app.get(RedisPubSubService) };
}

async function handleAll({ redis }) {
  const end = handled.count + MESSAGES;
  for (let sent = 0; sent < MESSAGES; sent += TICK) {
    for (const id of IDS) redis.publish(`user.${id}.created`, JSON_TEXT);
    await setImmediate();
  }
  while (handled.count < end) await setImmediate();
}

const publishAll = (publish) => async () => {
  for (let sent = 0; sent < MESSAGES; sent += TICK) await Promise.all(IDS.map(publish));
};

async function cpuOf(work) {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / MESSAGES;
}

const median = (values) => values.toSorted((one, other) => one - other)[values.length >> 1];

const plain = await start(handlerOf(EventPattern(NAME)));
const off = await start(handlerOf(On(unchecked, NAME)));
const zod = await start(handlerOf(On(contract, NAME)));
const pipe = await start(handlerOf(withPipe, EventPattern(NAME)));
const sender = await start();
const typed = contract.service(sender.pubsub);
const untyped = unchecked.service(sender.pubsub);

const work = {
  'handle, plain': () => handleAll(plain),
  'handle, contract without validation': () => handleAll(off),
  'handle, contract with Zod': () => handleAll(zod),
  "handle, Nest's pipe with Zod": () => handleAll(pipe),
  'publish, plain': publishAll((id) => sender.pubsub.publish(`user.${id}.created`, USER)),
  'publish, contract without validation': publishAll((id) => untyped.publish([NAME, { id }], USER)),
  'publish, contract with Zod': publishAll((id) => typed.publish([NAME, { id }], USER)),
};

const rounds = Object.fromEntries(Object.keys(work).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, run] of Object.entries(work)) {
    const cpu = await cpuOf(run);
    if (round >= WARM_UP) rounds[name].push(cpu);
  }
}
for (const [name, values] of Object.entries(rounds)) {
  console.log(`${name.padEnd(40)} ${median(values).toFixed(2)} µs`);
}
for (const { app } of [plain, off, zod, pipe, sender]) await app.close();
