import { Controller, type Type } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';

/** A controller class with an event handler and a request handler, both of literal channels. */
export function handlerClass(onEvent: (data: unknown) => void): Type {
  @Controller()
  class ShardedHandlers {
    @EventPattern<string>('user.created')
    onCreated(@Payload() data: unknown) {
      onEvent(data);
    }

    @MessagePattern('user.greet')
    greet(@Payload() name: string) {
      return `Hello, ${name}`;
    }
  }
  return ShardedHandlers;
}
