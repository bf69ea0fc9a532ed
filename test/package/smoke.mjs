// node|bun|deno smoke.mjs REDIS_URL: an application over the built package. Prints what arrived, as JSON.
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { RedisPubSubClient, RedisPubSubModule } from '../../dist/index.js';

let onEvent;
const event = new Promise((resolve) => (onEvent = resolve));

class Handlers {
  onUser(data, context) {
    onEvent({ data, channel: context.getChannel() });
  }

  double(number) {
    return 2 * number;
  }
}

/** Decorates a method and its parameters, as TypeScript does. */
function decorate(name, decorator, ...parameters) {
  const { prototype } = Handlers;
  for (const [i, parameter] of parameters.entries()) parameter(prototype, name, i);
  decorator(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
}

decorate('onUser', EventPattern('user.*'), Payload(), Ctx());
decorate('double', MessagePattern('double'), Payload());
Injectable()(Handlers);

class AppModule {}
const connection = process.argv.at(-1);
Module({ imports: [RedisPubSubModule.forRoot({ connection })], providers: [Handlers] })(AppModule);

const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] });
const client = app.get(RedisPubSubClient);
const receivers = await firstValueFrom(client.emit('user.created', { name: 'Ada' }));
const doubled = await firstValueFrom(client.send('double', 21));
console.log(JSON.stringify({ receivers, event: await event, doubled }));
await app.close();
