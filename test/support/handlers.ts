import { Controller, type Type } from '@nestjs/common';
import {
  Ctx,
  EventPattern,
  MessagePattern,
  Payload,
  type BaseRpcContext,
} from '@nestjs/microservices';
import type { HandlerOptions } from 'nestjs-redis-pubsub';

/** What a handler of a test does with a message. */
export type Handle = (data: unknown, channel: string) => unknown;

/** A module with a decorated event handler for each pattern; it runs on either transport. */
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

/** A module with one decorated request handler; it runs on either transport. */
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

/** Something that handlers wait for until the test opens it. */
export class Gate {
  readonly opened: Promise<void>;
  #open: (() => void) | undefined;

  constructor() {
    this.opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  open(): void {
    this.#open?.();
  }
}
