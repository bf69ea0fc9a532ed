import 'reflect-metadata';
import { Controller, type Type } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';

/** What a handler does with the data of a message. */
export type Handle = (data: unknown) => unknown;

/** A controller with one event handler for `patterns`. `extras` are passed to the decorator. */
export function eventController(
  patterns: readonly string[],
  handle: Handle,
  extras: Record<string, unknown> = {},
): Type {
  @Controller()
  class EventController {
    @EventPattern<readonly string[]>(patterns, extras)
    onEvent(@Payload() data: unknown): unknown {
      return handle(data);
    }
  }
  return EventController;
}

/** A controller with one request handler. */
export function requestController(channel: string, handle: Handle): Type {
  @Controller()
  class RequestController {
    @MessagePattern(channel)
    onRequest(@Payload() data: unknown): unknown {
      return handle(data);
    }
  }
  return RequestController;
}
