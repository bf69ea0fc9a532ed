import type { Attributes } from '@opentelemetry/api';
import type { Headers } from '../codec/codec.js';

// The names of the messaging conventions, read at version 1.44.
export const SYSTEM = 'messaging.system';
export const OPERATION_NAME = 'messaging.operation.name';
export const OPERATION_TYPE = 'messaging.operation.type';
export const DESTINATION_NAME = 'messaging.destination.name';
export const DESTINATION_TEMPLATE = 'messaging.destination.template';
export const CONVERSATION_ID = 'messaging.message.conversation_id';
export const ERROR_TYPE = 'error.type';

/** Those of every message that is published. */
export const PUBLISH: Attributes = {
  [SYSTEM]: 'redis',
  [OPERATION_NAME]: 'publish',
  [OPERATION_TYPE]: 'send',
};

/** Those of every message that is handled. */
export const PROCESS: Attributes = {
  [SYSTEM]: 'redis',
  [OPERATION_NAME]: 'process',
  [OPERATION_TYPE]: 'process',
};

/** The attributes for the headers with these names. Another client of Redis may have sent any header. */
export function headerAttributes(names: readonly string[], headers: Headers): Attributes {
  const attributes: Attributes = {};
  for (const name of names) {
    if (Object.hasOwn(headers, name)) attributes[`messaging.header.${name}`] = headers[name];
  }
  return attributes;
}
