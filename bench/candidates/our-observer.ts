import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Redis } from 'ioredis';
import { RedisPubSubClient, RedisPubSubModule, RedisPubSubService } from 'nestjs-redis-pubsub';
import type { Observer, ObserverOptions } from './observer.js';

// The log would be measured too, so that only warnings and errors are written.
Logger.overrideLogger(['warn', 'error']);

/** `RedisPubSubService#observe` in an application that imports the module. */
export async function createObserver({ port, onData, codec }: ObserverOptions): Promise<Observer> {
  const module = RedisPubSubModule.forRoot({
    connection: `redis://127.0.0.1:${port}`,
    ...(codec ? { codec } : {}),
  });
  const app = await NestFactory.createApplicationContext(module);
  const service = app.get(RedisPubSubService);
  const [, subscriber] = app.get(RedisPubSubClient).unwrap<[Redis, Redis]>();
  const onMessage = ({ data }: { data: unknown }): void => onData(data);
  return {
    observe: (channel) => void service.observe(channel).subscribe(onMessage),
    drain: async () => void (await subscriber.ping()),
  };
}
