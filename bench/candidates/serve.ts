import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Server,
  type CustomTransportStrategy,
  type MessageHandler,
  type MicroserviceOptions,
} from '@nestjs/microservices';

/** Starts a microservice with one controller. */
export async function serve(controller: Type, strategy: CustomTransportStrategy): Promise<void> {
  class ServiceModule {}
  const module = { module: ServiceModule, controllers: [controller] };
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(module, { strategy });
  await app.listen();
}

/** The handlers that Nest creates for a controller, by pattern, for candidates that call them directly. */
export async function nestHandlers(controller: Type): Promise<Map<string, MessageHandler>> {
  const collector = new HandlerCollector();
  await serve(controller, collector);
  return collector.getHandlers();
}

/** A transport that only collects the handlers. */
class HandlerCollector extends Server implements CustomTransportStrategy {
  listen(callback: () => void): void {
    callback();
  }

  close(): void {
    // There is no connection to close.
  }

  on(): void {
    // There are no events.
  }

  unwrap<T>(): T {
    throw new Error('This transport has no client');
  }
}
