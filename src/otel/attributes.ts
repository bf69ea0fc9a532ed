import type { Attributes } from '@opentelemetry/api';
import type { Headers } from '../codec/codec.js';

/**
 * The names of attributes, as in version 1.44 of the messaging conventions.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/registry/attributes/messaging/
 */
export const ATTRIBUTE = {
  system: 'messaging.system',
  operationName: 'messaging.operation.name',
  operationType: 'messaging.operation.type',
  destinationName: 'messaging.destination.name',
  destinationTemplate: 'messaging.destination.template',
  messageId: 'messaging.message.id',
  conversationId: 'messaging.message.conversation_id',
  errorType: 'error.type',
} as const;

/** Those of every message that is published. */
export const PUBLISH: Attributes = {
  [ATTRIBUTE.system]: 'redis',
  [ATTRIBUTE.operationName]: 'publish',
  [ATTRIBUTE.operationType]: 'send',
};

/** Those of every message that is handled. */
export const PROCESS: Attributes = {
  [ATTRIBUTE.system]: 'redis',
  [ATTRIBUTE.operationName]: 'process',
  [ATTRIBUTE.operationType]: 'process',
};

/** The attributes for the headers with these names. Another client of Redis may have sent any header. */
export function headerAttributes(names: readonly string[], headers: Headers): Attributes {
  const attributes: Attributes = {};
  for (const name of names) {
    if (Object.hasOwn(headers, name)) attributes[`messaging.header.${name}`] = headers[name];
  }
  return attributes;
}
