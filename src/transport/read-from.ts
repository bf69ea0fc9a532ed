import type { Delivery } from '../broker/broker.js';
import type { MessageBus } from './message-bus.js';
import type { MessageSource, SourceMessage } from './message-source.js';

/** The message of a delivery to a source; `undefined` if it is not for its handler. */
export function readFrom(
  source: MessageSource,
  bus: MessageBus,
  delivery: Delivery,
): SourceMessage | undefined {
  if (bus.reader.isTooLarge(delivery)) return undefined;
  const message = source.read(delivery);
  if (message) bus.reader.reportReceived(delivery);
  return message;
}
