import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Server,
  type CustomTransportStrategy,
  type MessageHandler,
  type MicroserviceOptions,
} from '@nestjs/microservices';

/** Runs a microservice with one controller. */
export async function serve(controller: Type, strategy: CustomTransportStrategy): Promise<void> {
  class ServiceModule {}
  const module = { module: ServiceModule, controllers: [controller] };
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(module, { strategy });
  await app.listen();
}

/** The handlers of a controller as Nest makes them, by their patterns, for who calls them directly. */
export async function nestHandlers(controller: Type): Promise<Map<string, MessageHandler>> {
  const collector = new HandlerCollector();
  await serve(controller, collector);
  return collector.getHandlers();
}

/** A transport without messages. */
class HandlerCollector extends Server implements CustomTransportStrategy {
  listen(callback: () => void): void {
    callback();
  }

  close(): void {
    // Nothing is open.
  }

  on(): void {
    // Nothing happens.
  }

  unwrap<T>(): T {
    throw new Error('There is nothing underneath');
  }
}
