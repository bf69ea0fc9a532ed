import type { ReadPacket } from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import type { Broker, Delivery } from '../broker/broker.js';
import { RedisBroker } from '../broker/redis-broker.js';
import { assertChannel } from '../channel/channel-pattern.js';
import type { ChannelKind } from '../channel/subscription-key.js';
import type { IncomingMessage, MessageCodec, OutgoingMessage, RequestKey } from '../codec/codec.js';
import { messageOf, shorten, withoutArguments, withoutPayload } from '../errors.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { CallerContext } from '../shared/async-context.js';
import { addBrand, brandOf, hasBrand } from '../shared/brand.js';
import type { OutgoingPayload } from '../shared/payload.js';
import { RateLimitedLog } from '../shared/rate-limited-log.js';
import { toError } from '../shared/to-error.js';
import { telemetry, type DropReason } from '../telemetry.js';
import { BrokerStart } from './broker-start.js';
import { createCodec } from './create-codec.js';
import { DispatchHooks } from './dispatch-hooks.js';
import { LossCounter } from './loss-counter.js';
import { MessageEncoder, type PublishOptions } from './message-encoder.js';
import { MissedMessages } from './missed-messages.js';
import { PatternWarnings } from './pattern-warnings.js';
import { MAX_BATCH_BYTES, ReplyBatcher } from './reply-batcher.js';
import { ReservedChannels } from './reserved-channels.js';
import { OutsideLogger } from './outside-logger.js';
import { isPublishTraced, tracePublish } from './trace-publish.js';

const BUS = brandOf('bus');

/**
 * Messages over a broker: adds the prefix to names and removes it, encodes and decodes, and keeps reserved
 * channels apart. Servers, clients and services with the same bus share its connections.
 */
export class MessageBus {
  static {
    addBrand(this.prototype, BUS);
  }

  readonly broker: Broker;
  readonly codec: MessageCodec;
  readonly options: ResolvedOptions;
  readonly reserved: ReservedChannels;
  /** Counts lost messages; `undefined` with `messageIds: false`. */
  readonly losses: LossCounter | undefined;
  readonly #logger = new OutsideLogger('RedisPubSub');
  /** See `RedisPubSubClient#setOnDispatchHook`. */
  readonly dispatchHooks = new DispatchHooks(this.#logger);
  readonly patternWarnings = new PatternWarnings(this.#logger);
  readonly #drops = new RateLimitedLog(
    (line) => this.#logger.error(line),
    (count) => `Dropped ${count} more messages`,
  );
  readonly #encoder: MessageEncoder;
  readonly #replies: ReplyBatcher | undefined;
  readonly #start: BrokerStart;

  constructor(options: ResolvedOptions) {
    this.options = options;
    this.reserved = new ReservedChannels(options.reservedSegment);
    this.codec = createCodec(options);
    this.losses = options.messageIds ? new LossCounter() : undefined;
    this.#encoder = new MessageEncoder(this.codec, options, (name, kind) =>
      this.broker.sendsNow(name, kind),
    );
    this.#replies = this.#createReplyBatcher();
    const probePrefix = this.reserved.createProbePrefix();
    const missed = new MissedMessages(this, this.#logger);
    const onNoReceivers = missed.check.bind(missed);
    const { ids } = this.#encoder;
    const view = {
      prefix: options.prefix,
      decode: this.codec.decode.bind(this.codec),
      isReserved: this.reserved.has.bind(this.reserved),
    };
    const log = this.#logger;
    this.broker = new RedisBroker({
      ...options,
      transport: options.name,
      probePrefix,
      log,
      onNoReceivers,
      ...(ids && { onNotPublished: ids.restart.bind(ids) }),
      view,
    });
    this.#start = new BrokerStart(this.broker, options, this.#logger);
  }

  /** Listens to an event of every ioredis client; `callback` receives the name of the client first. */
  onClientEvent(
    event: string,
    callback: (client: 'pub' | 'sub', ...args: unknown[]) => void,
  ): void {
    const context = new CallerContext();
    this.broker.onClient((client, role) => {
      const name = role === 'publisher' ? 'pub' : 'sub';
      (client as Redis).on(event, (...args: unknown[]) =>
        context.runInAsyncScope(callback, undefined, name, ...args.map(withoutArguments)),
      );
    });
  }

  /**
   * Starts the bus before the module does, for an asynchronous factory that publishes already. Settles as
   * {@link start} does; returns nothing if the bus was started.
   */
  startEarly(): Promise<void> | undefined {
    return this.#start.startEarly();
  }

  /** Connects; the option `onStart` says whether to wait for Redis. Rejects with a `ConnectionError`. */
  start(): Promise<void> {
    return this.#start.start();
  }

  /** Sends what waits for the end of the tick, and closes the broker. Idempotent, never rejects. */
  async close(): Promise<void> {
    this.#replies?.flush();
    await this.broker.close();
    RateLimitedLog.flush();
  }

  /** Redis' name of a literal channel. Throws {@link InvalidChannelError}. */
  nameOf(channel: string): string {
    const name = this.options.prefix + assertChannel(channel);
    this.reserved.assertFree(name, channel);
    return name;
  }

  /** The packet of an event or a request, after the dispatch hooks. Throws what a hook throws. */
  createPacket(pattern: unknown, data: unknown): ReadPacket {
    const packet: ReadPacket = { pattern, data };
    this.dispatchHooks.call(packet);
    return packet;
  }

  /**
   * Publishes a message on a literal channel. Resolves to the number of subscriptions that Redis delivered to;
   * rejects with a `PubSubError`. Never throws.
   */
  publish(channel: string, message: OutgoingMessage, options: PublishOptions): Promise<number> {
    try {
      const { kind } = options;
      const name = this.nameOf(channel);
      this.patternWarnings.checkPublished(channel, kind);
      const payload = this.#encoder.message(channel, name, message, options);
      return this.#send(name, payload, kind, message);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Publishes the result of `createReply` on a channel by Redis' name, together with other replies of this
   * tick if the channel accepts that. Settles as {@link publish}.
   */
  reply(name: string, kind: ChannelKind, createReply: () => unknown): Promise<number> {
    try {
      const payload = this.#encoder.reply(name, createReply);
      const isBatched = typeof payload === 'string' && this.reserved.acceptsBatches(name);
      if (isBatched && this.#replies) return this.#replies.add(name, payload, kind);
      return this.#send(name, payload, kind);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Whether a message with this count of receivers certainly reached no subscriber. */
  isUndelivered(receivers: number, kind: ChannelKind): boolean {
    return receivers === 0 && this.broker.countsReceivers(kind);
  }

  /** Tells servers that the client no longer waits for the replies to a request. */
  cancel(request: RequestKey, kind: ChannelKind): void {
    // A lost cancellation costs work only. The telemetry of publishing reports the failure.
    this.reply(this.reserved.cancellations, kind, () => request).catch(() => undefined);
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
    if (bytes <= this.options.maxPayloadBytes) return false;
    this.#drop(delivery, 'too-large', `its ${bytes} bytes are more than maxPayloadBytes`);
    return true;
  }

  /** Reports a message that has arrived and is decoded. */
  reportReceived({ channel, subscription, payload }: Delivery): void {
    if (!telemetry.receive.hasSubscribers) return;
    const { name: transport } = this.options;
    telemetry.receive.publish({ transport, channel, subscription, bytes: payload.length });
  }

  /** Reports a message that was not handled. */
  reportDrop(channel: string, reason: DropReason, error?: unknown): void {
    if (!telemetry.drop.hasSubscribers) return;
    const { name: transport } = this.options;
    const told = error === undefined ? undefined : { error: toError(error) };
    telemetry.drop.publish({ transport, channel, reason, ...told });
  }

  #createReplyBatcher(): ReplyBatcher | undefined {
    const { joinTexts: join } = this.codec;
    const maxBytes = this.options.maxPayloadBytes;
    return join && new ReplyBatcher({ maxBytes, join, publish: (...args) => this.#send(...args) });
  }

  #send(
    name: string,
    payload: OutgoingPayload,
    kind: ChannelKind,
    message?: OutgoingMessage,
  ): Promise<number> {
    if (!isPublishTraced()) return this.broker.publish(name, payload, kind);
    const published = { transport: this.options.name, channel: name, payload, message };
    return tracePublish(published, () => this.broker.publish(name, payload, kind));
  }

  #decode(delivery: Delivery, channel: string): IncomingMessage | undefined {
    if (this.isTooLarge(delivery)) return undefined;
    const { payload } = delivery;
    let message: IncomingMessage | undefined;
    try {
      message = this.codec.decode(payload, channel);
    } catch (error) {
      this.#dropUnreadable(delivery, error);
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
    const lost = source && this.losses?.count(source, message.messageId ?? '');
    if (!lost) return;
    message.lost = lost;
    if (!telemetry.lost.hasSubscribers) return;
    const { publisher, count, duringGap } = lost;
    const { name: transport } = this.options;
    telemetry.lost.publish({ transport, channel, subscription, publisher, count, duringGap });
  }

  #decodeValue(delivery: Delivery): unknown {
    try {
      return this.codec.decodeValue(delivery.payload);
    } catch (error) {
      this.#dropUnreadable(delivery, error);
      return undefined;
    }
  }

  #dropUnreadable(delivery: Delivery, thrown: unknown): void {
    const error = withoutPayload(thrown);
    this.#drop(delivery, 'decode', messageOf(error), error);
  }

  #drop(delivery: Delivery, reason: DropReason, why: string, error?: unknown): void {
    // It has arrived, and nothing tells whose number is missing.
    if (delivery.source) this.losses?.restart(delivery.source);
    this.#drops.add(() => `Dropped a message on "${shorten(delivery.channel)}": ${why}`);
    this.reportDrop(delivery.channel, reason, error);
  }
}

/** Whether a value is a bus, of this copy of the package or another. */
export function isMessageBus(value: unknown): value is MessageBus {
  return hasBrand(value, BUS);
}
