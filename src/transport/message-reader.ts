import type { Delivery } from '../broker/broker.js';
import type { IncomingMessage, MessageCodec } from '../codec/codec.js';
import { messageOf, shorten, withoutPayload } from '../errors.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { RateLimitedLog } from '../shared/rate-limited-log.js';
import { toError } from '../shared/to-error.js';
import { telemetry, type DropReason } from '../telemetry.js';
import type { BusRecord } from './bus-record.js';
import { REPEATED, type LossCounter } from './loss-counter.js';
import { MAX_BATCH_BYTES } from './reply-batcher.js';

/** A bus, as far as its reader needs it. */
interface ReadingBus {
  readonly codec: MessageCodec;
  readonly options: ResolvedOptions;
  readonly losses: LossCounter | undefined;
  readonly record: BusRecord;
}

/** Reads the messages of deliveries, counts those that are lost, and reports those that it drops. */
export class MessageReader {
  readonly #bus: ReadingBus;
  readonly #drops: RateLimitedLog;

  constructor(bus: ReadingBus, logger: { readonly error: (line: string) => void }) {
    this.#bus = bus;
    this.#drops = new RateLimitedLog(
      (line) => logger.error(line),
      (count) => `Dropped ${count} more messages`,
    );
  }

  /** The replies or cancellations in a delivery: one, several, or values of any other kind. */
  readBatch(delivery: Delivery): readonly unknown[] {
    // Another process may have a larger limit than this one.
    if (delivery.payload.length > MAX_BATCH_BYTES && this.isTooLarge(delivery)) return [];
    const value = this.#decodeValue(delivery);
    if (Array.isArray(value)) return value;
    return value === undefined || this.isTooLarge(delivery) ? [] : [value];
  }

  /** The message of a delivery, decoded once; `null` if it is not for handlers and observers. */
  read(delivery: Delivery, channel: string): IncomingMessage | null {
    if (delivery.decoded === undefined) delivery.decoded = this.#decode(delivery, channel) ?? null;
    return delivery.decoded as IncomingMessage | null;
  }

  /** Whether a payload is larger than `maxPayloadBytes`, so that the message is dropped. */
  isTooLarge(delivery: Delivery): boolean {
    const bytes = delivery.payload.length;
    if (bytes <= this.#bus.options.maxPayloadBytes) return false;
    this.#drop(delivery, 'too-large', `its ${bytes} bytes are more than maxPayloadBytes`);
    return true;
  }

  /** Reports a message that has arrived and is decoded. */
  reportReceived({ channel, subscription, payload }: Delivery): void {
    if (!telemetry.receive.hasSubscribers) return;
    const { name: transport } = this.#bus.options;
    telemetry.receive.publish({ transport, channel, subscription, bytes: payload.length });
  }

  /** Reports a message that was not handled. */
  reportDrop(channel: string, reason: DropReason, error?: unknown): void {
    if (!telemetry.drop.hasSubscribers) return;
    const { name: transport } = this.#bus.options;
    const told = error === undefined ? undefined : { error: toError(error) };
    telemetry.drop.publish({ transport, channel, reason, ...told });
  }

  /** Drops a message that cannot be decoded, with a log line. */
  dropUnreadable(delivery: Delivery, thrown: unknown): void {
    const error = withoutPayload(thrown);
    this.#drop(delivery, 'decode', messageOf(error), error);
  }

  #decode(delivery: Delivery, channel: string): IncomingMessage | undefined {
    if (this.isTooLarge(delivery)) return undefined;
    const { payload } = delivery;
    let message: IncomingMessage | undefined;
    try {
      message = this.#bus.codec.decode(payload, channel);
    } catch (error) {
      this.dropUnreadable(delivery, error);
      return undefined;
    }
    if (!message) {
      this.reportDrop(delivery.channel, 'reply');
      return undefined;
    }
    if (message.messageId !== undefined) this.#countLosses(delivery, message);
    this.reportReceived(delivery);
    return message;
  }

  #countLosses(delivery: Delivery, message: IncomingMessage): void {
    const { channel, subscription, source } = delivery;
    const lost = source && this.#bus.losses?.count(source, message.messageId ?? '');
    if (!lost) return;
    if (lost === REPEATED) {
      message.isRepeated = true;
      return;
    }
    message.lost = lost;
    this.#bus.record.lost += lost.count;
    if (!telemetry.lost.hasSubscribers) return;
    const { publisher, count, duringGap } = lost;
    const { name: transport } = this.#bus.options;
    telemetry.lost.publish({ transport, channel, subscription, publisher, count, duringGap });
  }

  #decodeValue(delivery: Delivery): unknown {
    try {
      return this.#bus.codec.decodeValue(delivery.payload);
    } catch (error) {
      this.dropUnreadable(delivery, error);
      return undefined;
    }
  }

  #drop(delivery: Delivery, reason: DropReason, why: string, error?: unknown): void {
    this.#bus.record.dropped++;
    // It has arrived, and nothing tells whose number is missing.
    if (delivery.source) this.#bus.losses?.restart(delivery.source);
    this.#drops.add(() => `Dropped a message on "${shorten(delivery.channel)}": ${why}`);
    this.reportDrop(delivery.channel, reason, error);
  }
}
