import type { ReadPacket } from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import type { NoReceivers } from '../broker/broker-options.js';
import type { Broker, MessageList } from '../broker/broker.js';
import { RedisBroker } from '../broker/redis-broker.js';
import { assertChannel } from '../channel/channel-pattern.js';
import type { ChannelKind } from '../channel/subscription-key.js';
import type { MessageCodec, OutgoingMessage, RequestKey } from '../codec/codec.js';
import { shorten, withoutArguments } from '../errors.js';
import { History } from '../history/history.js';
import { ChannelLists } from '../history/channel-lists.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { CallerContext } from '../shared/async-context.js';
import { addBrand, brandOf, hasBrand } from '../shared/brand.js';
import type { OutgoingPayload } from '../shared/payload.js';
import { RateLimitedLog } from '../shared/rate-limited-log.js';
import { publishTracing } from '../telemetry.js';
import { BrokerStart } from './broker-start.js';
import { BusExtensions, type ExtensibleBus } from './bus-extensions.js';
import { BusRecord } from './bus-record.js';
import { createCodec } from './create-codec.js';
import { DispatchHooks } from './dispatch-hooks.js';
import { LossCounter } from './loss-counter.js';
import { MessageEncoder, type PublishOptions } from './message-encoder.js';
import { MessageReader } from './message-reader.js';
import { MissedMessages } from './missed-messages.js';
import { PatternWarnings } from './pattern-warnings.js';
import { ReplyBatcher } from './reply-batcher.js';
import { ReservedChannels } from './reserved-channels.js';
import { normalizePattern } from './nest-internals.js';
import { OutsideLogger } from './outside-logger.js';
import { isPublishTraced, tracePublish, traceUnsent } from './trace-publish.js';

const BUS = brandOf('bus');

/**
 * Messages over a broker: adds the prefix to names and removes it, encodes and decodes, and keeps reserved
 * channels apart. Servers, clients and services with the same bus share its connections.
 */
export class MessageBus implements ExtensibleBus {
  static {
    addBrand(this.prototype, BUS);
  }

  readonly broker: Broker;
  readonly codec: MessageCodec;
  readonly options: ResolvedOptions;
  readonly reserved: ReservedChannels;
  /** Counts lost messages; `undefined` with `messageIds: false`. */
  readonly losses: LossCounter | undefined;
  readonly reader: MessageReader;
  readonly record = new BusRecord();
  readonly #extensions = new BusExtensions(this);
  /** The lists of the channels with history. */
  readonly lists: ChannelLists;
  /** The histories of channels. */
  readonly history: History;
  readonly #logger = new OutsideLogger('RedisPubSub');
  /** See `RedisPubSubClient#setOnDispatchHook`. */
  readonly dispatchHooks = new DispatchHooks(this.#logger);
  readonly patternWarnings = new PatternWarnings(this.#logger);
  readonly #encoder: MessageEncoder;
  readonly #replies: ReplyBatcher | undefined;
  readonly #start: BrokerStart;

  constructor(options: ResolvedOptions) {
    this.options = options;
    this.reserved = new ReservedChannels(options.reservedSegment);
    this.codec = createCodec(options);
    this.lists = new ChannelLists(options);
    this.losses = options.messageIds ? new LossCounter() : undefined;
    this.reader = new MessageReader(this, this.#logger);
    this.#encoder = new MessageEncoder(this.codec, options, (name, kind, isAppended) =>
      this.broker.sendsNow(name, kind, isAppended),
    );
    this.#replies = this.#createReplyBatcher();
    const probePrefix = this.reserved.createProbePrefix();
    const missed = new MissedMessages(this, this.#logger);
    this.record.noReceivers.push(missed.check.bind(missed));
    const onNoReceivers: NoReceivers = (name, kind) => {
      for (const listener of this.record.noReceivers) listener(name, kind);
    };
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
      ...(this.#encoder.ids && { onNotPublished: this.#encoder.restart.bind(this.#encoder) }),
      view,
    });
    this.history = new History(this, this.#logger);
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
    this.#extensions.start();
    return this.#start.start();
  }

  /** Sends what waits for the end of the tick, and closes the broker. Idempotent, never rejects. */
  async close(): Promise<void> {
    this.#replies?.flush();
    this.#extensions.stop();
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
      const list = this.lists.listFor(channel, name, message, options);
      if (list) {
        const kept = this.#encoder.kept(channel, name, message, kind);
        return this.#append(name, kept, kind, { message, list });
      }
      const payload = this.#encoder.message(channel, name, message, options);
      return this.send(name, payload, kind, message);
    } catch (error) {
      this.reportUnsent(message, error);
      return Promise.reject(error);
    }
  }

  /** Reports a message that failed before it went to Redis. Never throws. */
  reportUnsent(message: OutgoingMessage, error: unknown): void {
    if (!publishTracing.hasSubscribers) return;
    const { name: transport, prefix } = this.options;
    traceUnsent({ transport, channel: prefix + channelTextOf(message), message }, error);
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
      return this.send(name, payload, kind);
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

  #createReplyBatcher(): ReplyBatcher | undefined {
    const { joinTexts: join } = this.codec;
    const maxBytes = this.options.maxPayloadBytes;
    return join && new ReplyBatcher({ maxBytes, join, publish: (...args) => this.send(...args) });
  }

  #append(
    name: string,
    payload: OutgoingPayload,
    kind: ChannelKind,
    { message, list }: { readonly message: OutgoingMessage; readonly list: MessageList },
  ): Promise<number> {
    this.record.onPublished(kind);
    this.record.keepsHistory = true;
    const append = (): Promise<number> => this.broker.append(name, payload, kind, list);
    if (!isPublishTraced()) return append();
    const { name: transport } = this.options;
    return tracePublish({ transport, channel: name, payload, message }, append);
  }

  /** Publishes a payload as it is, on a channel by Redis' name. Settles as {@link publish}. */
  send(
    name: string,
    payload: OutgoingPayload,
    kind: ChannelKind,
    message?: OutgoingMessage,
  ): Promise<number> {
    this.record.onPublished(kind);
    if (!isPublishTraced()) return this.broker.publish(name, payload, kind);
    const messageId = message && this.#encoder.lastId(name, kind);
    const { name: transport } = this.options;
    const published = { transport, channel: name, payload, message, messageId };
    return tracePublish(published, () => this.broker.publish(name, payload, kind));
  }
}

/** The channel of a message for telemetry; empty for a pattern that has no text. */
function channelTextOf({ pattern }: OutgoingMessage): string {
  try {
    // Nest leaves some values as they are.
    const channel: unknown = normalizePattern(pattern);
    return shorten(String(channel));
  } catch {
    return '';
  }
}

/** Whether a value is a bus, of this copy of the package or another. */
export function isMessageBus(value: unknown): value is MessageBus {
  return hasBrand(value, BUS);
}
