import 'reflect-metadata';
import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { report } from './report.mjs';

/** A module with one event handler, as TypeScript would compile it. */
export function moduleOf(channel, imports = []) {
  class Handlers {
    onMessage(data) {
      report('received', { number: data.number });
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Handlers.prototype, 'onMessage');
  EventPattern(channel)(Handlers.prototype, 'onMessage', descriptor);
  Payload()(Handlers.prototype, 'onMessage', 0);
  Controller()(Handlers);
  class Root {}
  return { module: Root, imports, controllers: [Handlers] };
}

const reportLine = (message) =>
  report('log', { text: message instanceof Error ? message.message : String(message) });

/** Reports the lines that an operator looks at. */
export const logger = {
  log: () => undefined,
  warn: reportLine,
  error: reportLine,
  fatal: reportLine,
};
