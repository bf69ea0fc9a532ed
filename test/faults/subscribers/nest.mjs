import 'reflect-metadata';
import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { tell } from './tell.mjs';

/** A module with one event handler, as TypeScript would compile it. */
export function moduleOf(channel, imports = []) {
  class Handlers {
    onMessage(data) {
      tell('heard', { number: data.number });
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Handlers.prototype, 'onMessage');
  EventPattern(channel)(Handlers.prototype, 'onMessage', descriptor);
  Payload()(Handlers.prototype, 'onMessage', 0);
  Controller()(Handlers);
  class Root {}
  return { module: Root, imports, controllers: [Handlers] };
}

const tellLine = (message) =>
  tell('log', { text: message instanceof Error ? message.message : String(message) });

/** What an operator would be woken up by. */
export const logger = {
  log: () => undefined,
  warn: tellLine,
  error: tellLine,
  fatal: tellLine,
};
