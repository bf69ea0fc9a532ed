import { BurstLog } from '../../shared/rate-limited-log.js';
import type { Delivery } from '../../broker/broker.js';
import type { IncomingMessage } from '../../codec/codec.js';
import { shorten } from '../../errors.js';
import type { DispatcherOptions } from './dispatcher-options.js';
import { Responder } from './responder.js';

/** Makes what answers a request, where it has to be answered. */
export class ResponderFactory {
  readonly #options: Pick<DispatcherOptions, 'bus' | 'logger' | 'serializer'>;
  readonly #unanswerable = new BurstLog(
    (line) => this.#options.logger.warn(line),
    (count) => `${count} more requests name no inbox`,
  );
  readonly #unanswered = new BurstLog(
    (line) => this.#options.logger.error(line),
    (count) => `Cannot send ${count} more replies`,
  );

  constructor(options: Pick<DispatcherOptions, 'bus' | 'logger' | 'serializer'>) {
    this.#options = options;
  }

  /** `undefined` for what is no request, and for one that wants replies anywhere but in an inbox. */
  create({ id, replyTo: wanted }: IncomingMessage, delivery: Delivery): Responder | undefined {
    if (id === undefined) return undefined;
    const { bus, serializer } = this.#options;
    if (wanted !== undefined && !bus.reserved.isInbox(wanted)) {
      this.#unanswerable.add(
        () =>
          `A request on "${shorten(delivery.channel)}" names no inbox below "${bus.reserved.start}": it gets no reply`,
      );
      return undefined;
    }
    // Clients on `Transport.REDIS` name no channel, and wait for their replies on this one.
    const replyTo = wanted ?? `${delivery.channel}.reply`;
    const isSharded = delivery.kind === 'shard';
    return new Responder(bus, this.#unanswered, serializer, { id, replyTo, isSharded });
  }
}
