import { Controller, type Type } from '@nestjs/common';
import {
  Ctx,
  EventPattern,
  MessagePattern,
  Payload,
  type BaseRpcContext,
} from '@nestjs/microservices';
import type { HandlerOptions } from 'nestjs-redis-pubsub';

/** The body of a test handler. */
export type Handle = (data: unknown, channel: string) => unknown;

/** A module with an event handler for each pattern, for our transport and the built-in one. */
export function eventHandlers(handlers: Record<string, Handle>, extras?: HandlerOptions): object {
  const create = ([pattern, handle]: [string, Handle]): Type => {
    @Controller()
    class EventHandler {
      @EventPattern<string>(pattern, { ...extras })
      onEvent(@Payload() data: unknown, @Ctx() context: BaseRpcContext<[string]>) {
        return handle(data, context.getArgByIndex(0));
      }
    }
    return EventHandler;
  };
  return { module: class {}, controllers: Object.entries(handlers).map(create) };
}

/** A module with one request handler, for our transport and the built-in one. */
export function requestHandler(pattern: string, handle: Handle): object {
  @Controller()
  class RequestHandler {
    @MessagePattern(pattern)
    onRequest(@Payload() data: unknown, @Ctx() context: BaseRpcContext<[string]>) {
      return handle(data, context.getArgByIndex(0));
    }
  }
  return { module: class {}, controllers: [RequestHandler] };
}
