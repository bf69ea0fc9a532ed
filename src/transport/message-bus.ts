import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { BurstLog } from '../shared/rate-limited-log.js';
import type { Broker, Delivery } from '../broker/broker.js';
import { RedisBroker } from '../broker/redis-broker.js';
import { assertChannel } from '../channel/channel-pattern.js';
import type { IncomingMessage, MessageCodec, OutgoingMessage } from '../codec/codec.js';
import { synchronous } from '../codec/synchronous.js';
import { PayloadError, messageOf, shorten } from '../errors.js';
import type { ResolvedOptions } from '../options/options.js';
import { telemetry, type DropReason } from '../telemetry.js';
import { createCodec } from './create-codec.js';
import type { PublishOptions, RequestKey } from './publish-options.js';
import { MOST_JOINED_BYTES, ReplyOutbox } from './reply-batcher.js';
import { ReservedChannels } from './reserved-channels.js';
import { StartUp } from './broker-start.js';

/**
 * Messages over a broker: puts the prefix before names and strips it, encodes and decodes, keeps out
 * what nobody may send or see. Servers, clients and services that share one share its connections.
 */
export class MessageBus {
  readonly broker: Broker;
  readonly codec: MessageCodec;
  readonly options: ResolvedOptions;
  readonly reserved: ReservedChannels;
  readonly #logger = new Logger('RedisPubSub');
  readonly #refusals = new BurstLog(
    (line) => this.#logger.error(line),
    (count) => `Dropped ${count} more messages`,
  );
  readonly #outbox: ReplyOutbox | undefined;
  readonly #startUp: StartUp;

  constructor(options: ResolvedOptions) {
    this.options = options;
    this.reserved = new ReservedChannels(options.reservedSegment);
    this.codec = createCodec(options);
    this.#outbox = this.#createOutbox();
    this.broker = new RedisBroker({
      connection: options.connection,
      credentials: options.credentials,
      liveness: { interval: options.pingInterval, timeout: options.pingTimeout },
      probe: { start: this.reserved.createProbe(), interval: options.probeInterval },
      isSharded: options.sharded,
      buffer: options.publishBuffer,
      batches: options.batchPublishes,
      deliversFirst: options.deliverFirst,
      log: this.#logger,
    });
    this.#startUp = new StartUp(this.broker, options, this.#logger);
  }

  /** Listens to an event of both ioredis clients, and says which of them it came from. */
  onClientEvent(
    event: string,
    callback: (client: 'pub' | 'sub', ...args: unknown[]) => void,
  ): void {
    this.broker.onClient((client, role) => {
      const name = role === 'publisher' ? 'pub' : 'sub';
      (client as Redis).on(event, (...args: unknown[]) => callback(name, ...args));
    });
  }

  /**
   * For whoever comes before the one who starts it, as an asynchronous factory does: starts it, and settles as
   * that does. Nothing, where it was started once.
   */
  begin(): Promise<void> | undefined {
    return this.#startUp.begin();
  }

  /** Connects, as far as `onStart` waits for that. Rejects with a `ConnectionError`. */
  start(): Promise<void> {
    return this.#startUp.run();
  }

  /** Sends what waits for the end of the tick, and closes the broker. Idempotent, never rejects. */
  close(): Promise<void> {
    this.#outbox?.flush();
    return this.broker.close();
  }

  /** Redis' name of a literal channel. Throws {@link InvalidChannelError}. */
  nameOf(channel: string): string {
    const name = this.options.prefix + assertChannel(channel);
    this.reserved.assertFree(name, channel);
    return name;
  }

  /**
   * Publishes a message on a literal channel; resolves to the number of subscriptions that Redis
   * delivered to. Rejects with a `PubSubError`; never throws.
   */
  publish(
    channel: string,
    message: OutgoingMessage,
    { serializer, isSharded }: PublishOptions,
  ): Promise<number> {
    try {
      const name = this.nameOf(channel);
      const payload = this.#encode(channel, () =>
        serializer
          ? this.codec.encodeValue(synchronous('serialize', serializer.serialize(message)))
          : this.codec.encode(message),
      );
      return this.#send(name, payload, isSharded);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Publishes what `createReply` returns on a channel by Redis' name, together with other replies of
   * this tick where these are taken; as {@link publish} otherwise.
   */
  reply(name: string, isSharded: boolean, createReply: () => unknown): Promise<number> {
    try {
      const payload = this.#encode(name, () => this.codec.encodeValue(createReply()));
      const isJoined = typeof payload === 'string' && this.reserved.takesJoined(name);
      if (isJoined && this.#outbox) return this.#outbox.add(name, payload, isSharded);
      return this.#send(name, payload, isSharded);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Whether a message that was delivered to so many subscriptions reached nobody for certain. */
  isUnheard(receivers: number, isSharded: boolean): boolean {
    return receivers === 0 && this.broker.countsReceivers(isSharded);
  }

  /** Tells servers that nobody waits for the replies to a request any more. */
  cancel(request: RequestKey, isSharded: boolean): void {
    // It can only spare work: failures show in the telemetry of publishing.
    this.reply(this.reserved.cancellations, isSharded, () => request).catch(() => undefined);
  }

  /** The reply or the cancellation of a delivery, or those that came together; anything, where it is none. */
  readJoined(delivery: Delivery): readonly unknown[] {
    // Whoever sends them may allow more than we do.
    if (delivery.payload.length > MOST_JOINED_BYTES && this.#isTooLarge(delivery)) return [];
    const value = this.#decodeValue(delivery);
    if (Array.isArray(value)) return value;
    return value === undefined || this.#isTooLarge(delivery) ? [] : [value];
  }

  /** The message of a delivery, decoded once; `null` where nobody may see it. */
  read(delivery: Delivery, channel: string): IncomingMessage | null {
    if (delivery.decoded === undefined) delivery.decoded = this.#decode(delivery, channel) ?? null;
    return delivery.decoded as IncomingMessage | null;
  }

  /** Counts a message that nobody handled. */
  dropped(channel: string, reason: DropReason, error?: unknown): void {
    if (telemetry.drop.hasSubscribers) telemetry.drop.publish({ channel, reason, error });
  }

  #createOutbox(): ReplyOutbox | undefined {
    const { joinTexts: join } = this.codec;
    const maxBytes = this.options.maxPayloadBytes;
    return join && new ReplyOutbox({ maxBytes, join, publish: (...reply) => this.#send(...reply) });
  }

  #send(name: string, payload: string | Uint8Array, isSharded: boolean): Promise<number> {
    const published = this.broker.publish(name, payload, isSharded);
    if (telemetry.publish.hasSubscribers) {
      published.then(
        (receivers) => telemetry.publish.publish({ channel: name, receivers }),
        (error: unknown) => telemetry.publish.publish({ channel: name, error }),
      );
    }
    return published;
  }

  #encode(channel: string, encode: () => string | Uint8Array): string | Uint8Array {
    let payload: string | Uint8Array;
    try {
      payload = encode();
      if (typeof payload !== 'string' && !(payload instanceof Uint8Array)) {
        throw new TypeError(`Expected the codec to give text or bytes, got ${typeof payload}`);
      }
    } catch (error) {
      throw new PayloadError(
        `Cannot encode the message to "${shorten(channel)}": ${messageOf(error)}`,
        { cause: error },
      );
    }
    this.#assertSize(channel, payload);
    return payload;
  }

  #assertSize(channel: string, payload: string | Uint8Array): void {
    const { maxPayloadBytes } = this.options;
    if (maxPayloadBytes === Infinity) return;
    const bytes = Buffer.byteLength(payload);
    if (bytes <= maxPayloadBytes) return;
    throw new PayloadError(
      `The message to "${shorten(channel)}" has ${bytes} bytes, more than maxPayloadBytes (${maxPayloadBytes})`,
    );
  }

  #decode(delivery: Delivery, channel: string): IncomingMessage | undefined {
    if (this.#isTooLarge(delivery)) return undefined;
    const { payload } = delivery;
    let message: IncomingMessage | undefined;
    try {
      message = this.codec.decode(payload, channel);
    } catch (error) {
      this.#refuse(delivery, 'decode', messageOf(error), error);
      return undefined;
    }
    if (!message) {
      this.dropped(delivery.channel, 'reply');
      return undefined;
    }
    if (telemetry.receive.hasSubscribers) {
      const { channel: name, subscription } = delivery;
      telemetry.receive.publish({ channel: name, subscription, bytes: payload.length });
    }
    return message;
  }

  #decodeValue(delivery: Delivery): unknown {
    try {
      return this.codec.decodeValue(delivery.payload);
    } catch (error) {
      this.#refuse(delivery, 'decode', messageOf(error), error);
      return undefined;
    }
  }

  #isTooLarge(delivery: Delivery): boolean {
    const bytes = delivery.payload.length;
    if (bytes <= this.options.maxPayloadBytes) return false;
    this.#refuse(delivery, 'too-large', `its ${bytes} bytes are more than maxPayloadBytes`);
    return true;
  }

  #refuse(delivery: Delivery, reason: DropReason, why: string, error?: unknown): void {
    this.#refusals.add(() => `Dropped a message on "${shorten(delivery.channel)}": ${why}`);
    this.dropped(delivery.channel, reason, error);
  }
}
