// A process whose instances publish to each other through a Cluster.
import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { RedisPubSubModule, RedisPubSubService } from 'nestjs-redis-pubsub';
import { ArrivalCounter } from '../harness/arrival-counter.js';
import { runInFlight } from '../harness/in-flight.js';
import { serveCommands } from '../harness/serve-commands.js';
import { channelName } from '../workload/channels.js';
import { dataOf, SMALL } from '../workload/payloads.js';

Logger.overrideLogger(['warn', 'error']);

const INSTANCES = 3;
const IN_FLIGHT = 300;

const arrivals = new ArrivalCounter();
const data = dataOf(SMALL);
const instances: RedisPubSubService[] = [];
let channels = 0;

const commands = {
  /** Connects the instances, each of which subscribes to its share of the channels. Resolves on all acknowledgements. */
  async connect(ports: readonly number[], sharded: boolean, count: number): Promise<void> {
    channels = count;
    const nodes = ports.map((port) => `redis://127.0.0.1:${port}`);
    for (let i = 0; i < INSTANCES; i++) {
      const module = RedisPubSubModule.forRoot({ connection: { nodes }, sharded });
      const app = await NestFactory.createApplicationContext(module);
      instances.push(app.get(RedisPubSubService));
    }
    await inTurn(count, (instance, channel) =>
      instance.subscribe(channel, () => arrivals.increment()),
    );
  },

  /** Publishes messages to each channel in turn, from an instance that does not subscribe to it. Resolves on arrival. */
  async exchange(count: number): Promise<void> {
    arrivals.expect(count);
    await inTurn(count, (_, channel, next) => next.publish(channel, data));
    await arrivals.completed();
  },
};

export type ClusterTrafficCommands = typeof commands;

serveCommands(commands);

async function inTurn(
  count: number,
  run: (own: RedisPubSubService, channel: string, next: RedisPubSubService) => Promise<unknown>,
): Promise<void> {
  let index = 0;
  await runInFlight(count, IN_FLIGHT, () => {
    const channel = index++ % channels;
    return run(instanceAt(channel), channelName(channel), instanceAt(channel + 1));
  });
}

function instanceAt(index: number): RedisPubSubService {
  const instance = instances[index % instances.length];
  if (!instance) throw new Error('Expected "connect" to be called before');
  return instance;
}
