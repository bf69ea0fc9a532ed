/**
 * One process under test: `node bench/participants.mjs <job> <participant> <port> <count>`. It does
 * its job `count` times, and sends its CPU time per message in microseconds over IPC.
 */
import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientRedis,
  EventPattern,
  MessagePattern,
  Payload,
  Server,
  ServerRedis,
} from '@nestjs/microservices';
import { Redis } from 'ioredis';
import { lastValueFrom } from 'rxjs';

const [job, participant, port, count] = process.argv.slice(2);
const total = Number(count);
const isOurs = participant === 'ours';
const ours = isOurs ? await import('nestjs-redis-pubsub') : undefined;
const DATA = { id: 42, name: 'Ada', tags: ['a', 'b'] };
Logger.overrideLogger(['warn', 'error']);
process.on('disconnect', () => process.exit(0));

/** A class with one decorated handler, as TypeScript would compile it. */
function handlerClass(decorator, handle) {
  class Handlers {
    handle(data) {
      return handle(data);
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Handlers.prototype, 'handle');
  decorator(Handlers.prototype, 'handle', descriptor);
  Payload()(Handlers.prototype, 'handle', 0);
  return Handlers;
}

async function listen(decorator, handle, strategy) {
  class AppModule {}
  const module = { module: AppModule, controllers: [handlerClass(decorator, handle)] };
  const app = await NestFactory.createMicroservice(module, { strategy });
  await app.listen();
  return strategy;
}

function serve(decorator, handle, wildcards) {
  const options = { host: '127.0.0.1', port: Number(port) };
  const strategy = isOurs
    ? new ours.RedisPubSubServer({ connection: options })
    : new ServerRedis({ ...options, wildcards });
  return listen(decorator, handle, strategy);
}

/** Nest's own pipeline around a handler, without a transport. */
async function nestHandler(decorator, handle) {
  class NoTransport extends Server {
    listen(callback) {
      callback();
    }
    close() {}
    on() {}
    unwrap() {}
  }
  const strategy = await listen(decorator, handle, new NoTransport());
  return [...strategy.getHandlers().values()][0];
}

function createClient() {
  const options = { host: '127.0.0.1', port: Number(port) };
  return isOurs ? new ours.RedisPubSubClient({ connection: options }) : new ClientRedis(options);
}

/** CPU per message from the first message to the last. */
function meter(done) {
  let seen = 0;
  let start;
  return () => {
    if (seen++ === 0) start = process.cpuUsage();
    if (seen < total) return;
    const { user, system } = process.cpuUsage(start);
    done((user + system) / total);
  };
}

async function inFlight(limit, one) {
  const start = process.cpuUsage();
  let left = total;
  await Promise.all(
    Array.from({ length: limit }, async () => {
      while (left-- > 0) await one();
    }),
  );
  const { user, system } = process.cpuUsage(start);
  return (user + system) / total;
}

const report = (microseconds) => process.send({ microseconds }, () => process.exit(0));

const JOBS = {
  async receive(pattern, isGlob) {
    const count = meter(report);
    if (participant === 'floor') {
      const handle = await nestHandler(EventPattern(pattern), count);
      const redis = new Redis(Number(port), '127.0.0.1');
      redis.on(isGlob ? 'pmessage' : 'message', (...args) => {
        void handle(JSON.parse(args.at(-1)).data, {});
      });
      await (isGlob ? redis.psubscribe(pattern) : redis.subscribe(pattern));
      return;
    }
    const strategy = await serve(EventPattern(pattern), count, isGlob);
    if (!isOurs) await strategy.unwrap()[1].ping();
  },
  async emit() {
    if (participant === 'floor') {
      const redis = new Redis(Number(port), '127.0.0.1', { enableAutoPipelining: true });
      await redis.ping();
      const packet = { pattern: 'bench.emit', data: DATA };
      report(await inFlight(500, () => redis.publish('bench.emit', JSON.stringify(packet))));
      return;
    }
    const client = createClient();
    await client.connect();
    report(
      await inFlight(500, () =>
        lastValueFrom(client.emit('bench.emit', DATA), { defaultValue: undefined }),
      ),
    );
  },
  async request() {
    const client = createClient();
    await client.connect();
    report(await inFlight(100, () => lastValueFrom(client.send('bench.request', DATA))));
  },
  async respond() {
    await serve(MessagePattern('bench.request'), (data) => data, false);
  },
};

if (job === 'receive-glob') await JOBS.receive('bench.*', true);
else if (job === 'receive-literal') await JOBS.receive('bench.event', false);
else await JOBS[job]();
process.send({ ready: true });
