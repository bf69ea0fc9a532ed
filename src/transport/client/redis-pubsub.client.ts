import { ClientProxy, type ReadPacket, type WritePacket } from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import { firstValueFrom, type Observable, type Observer, type Subscriber } from 'rxjs';
import { channelKind, type ChannelKind } from '../../channel/subscription-key.js';
import type { MessageId, OutgoingMessage } from '../../codec/codec.js';
import {
  ClosedError,
  ConnectionError,
  InvalidOptionError,
  messageOf,
  shorten,
} from '../../errors.js';
import type { RedisPubSubClientOptions } from '../../options/options.js';
import { resolveOptions } from '../../options/resolve-options.js';
import { addBrand, brandOf, brandValue, hasBrand } from '../../shared/brand.js';
import { RateLimitedLog } from '../../shared/rate-limited-log.js';
import { inCallersContext } from '../in-callers-context.js';
import { isMessageBus, MessageBus } from '../message-bus.js';
import { normalizePattern } from '../nest-internals.js';
import {
  assertForRequests,
  formatOf,
  historyOf,
  isPubSubRecord,
  kindOf,
  unwrapRecord,
} from '../redis-pubsub.record.js';
import type { RedisPubSubEvents, RedisPubSubStatus } from '../transport-events.js';
import { ClientConnect } from './client-connect.js';
import { EmitResult } from './emit-result.js';
import {
  GatheredRequest,
  readSendAllOptions,
  type PubSubReply,
  type SendAllOptions,
} from './gathered-request.js';
import { ReplyInbox } from './reply-inbox.js';
import { SentRequest, type SentRequestOptions } from './sent-request.js';
import { OutsideLogger } from '../outside-logger.js';

const CLIENT = brandOf('client');

type WithConnection = (
  client: RedisPubSubClient,
  connection: RedisPubSubClientOptions['connection'],
) => RedisPubSubClient | undefined;

const WITH_CONNECTION = brandOf('client.with-connection');

/**
 * Creates a client of the class and with the options of another one, of this copy of the package or another, with another
 * connection. None for that of a module, and for any other value.
 */
export const withConnection: WithConnection = (client, connection) => {
  // Not of the client itself: one that a test imitates with a proxy has every property.
  const create = brandValue(Object.getPrototypeOf(client), WITH_CONNECTION);
  return (create as WithConnection | undefined)?.(client, connection);
};

/** A packet that becomes a request. */
interface RequestPacket extends ReadPacket {
  id?: MessageId;
  replyTo?: string | undefined;
}

/**
 * The client: `emit` publishes an event, `send` a request. Patterns are literal channels here, whatever
 * characters they have.
 *
 * It connects with the first message, or with `connect`, and reconnects by itself. While the connection is lost
 * events wait in the `publishBuffer`, and requests fail at once with a `ConnectionError`. The constructor
 * throws `InvalidOptionError` for a wrong option.
 */
export class RedisPubSubClient extends ClientProxy<RedisPubSubEvents> {
  static {
    addBrand(this.prototype, CLIENT);
    const create: WithConnection = (client, connection) => {
      if (!(#options in client) || !client.#options) return undefined;
      const Class = client.constructor as typeof RedisPubSubClient;
      return new Class({ ...client.#options, connection });
    };
    addBrand(this.prototype, WITH_CONNECTION, create);
  }

  readonly #logger = new OutsideLogger(RedisPubSubClient.name);
  readonly #failures = new RateLimitedLog(
    (line) => this.#logger.error(line),
    (count) => `${count} more events were not published`,
  );
  readonly #thrown = new RateLimitedLog(
    (line) => this.#logger.error(line),
    (count) => `The subscribers of ${count} more requests threw`,
  );
  readonly #bus: MessageBus;
  readonly #defaultKind: ChannelKind;
  readonly #inbox: ReplyInbox;
  readonly #connect: ClientConnect;
  /** The options of its own; none with those of a module. */
  readonly #options: RedisPubSubClientOptions | undefined;
  #lastId = 0;

  /** The client has connections of its own. */
  constructor(options?: RedisPubSubClientOptions);
  /**
   * With a bus the client shares the connections of the module.
   *
   * @internal
   */
  constructor(options?: RedisPubSubClientOptions | MessageBus);
  constructor(options: RedisPubSubClientOptions | MessageBus = {}) {
    super();
    const ownsBus = !isMessageBus(options);
    this.#options = ownsBus ? options : undefined;
    this.#bus = ownsBus ? new MessageBus(resolveOptions('RedisPubSubClient', options)) : options;
    const { sharded, deserializer, publishLimit } = this.#bus.options;
    this.#defaultKind = channelKind(sharded);
    this.#connect = new ClientConnect(this.#bus, ownsBus, publishLimit.maxMessages);
    this.#inbox = new ReplyInbox(this.#bus, deserializer, (thrown) =>
      this.#thrown.add(
        () =>
          `The subscriber of a request threw: ${messageOf(thrown)}. Other requests are not affected`,
      ),
    );
    this.#bus.broker.onStatus((status) => status !== 'connecting' && this._status$.next(status));
  }

  /** Emits the current status and each change of it; nothing while the first connection is opened. */
  override get status(): Observable<RedisPubSubStatus> {
    return inCallersContext(super.status as Observable<RedisPubSubStatus>);
  }

  /** Resolves when both connections are up. Rejects with a `ConnectionError` when an attempt fails. */
  connect(): Promise<void> {
    return this.#connect.connect();
  }

  /**
   * Fails the requests that wait for replies, sends the events that were emitted, and disconnects. Events that
   * wait for a first connection have one second. Idempotent, never rejects.
   */
  async close(): Promise<void> {
    this.#inbox.closeAll(new ClosedError());
    await this.#connect.close();
  }

  /**
   * Publishes an event at once, whether or not the Observable is subscribed to. It emits the number of
   * subscriptions that Redis delivered to, or fails with a `PubSubError`. If the pattern or the data is
   * `null` or `undefined`, it fails with Nest's own error. A failure without a subscriber is logged, at most ten
   * times a second.
   *
   * @see https://redis.io/docs/latest/commands/publish/
   */
  override emit<TResult = number, TInput = unknown>(
    pattern: unknown,
    data: TInput,
  ): Observable<TResult> {
    const isNothing = isNil(pattern) || isNil(data);
    const published = isNothing
      ? firstValueFrom(super.emit<number>(pattern, data))
      : this.#connect.emit({ pattern, data }, () => this.#dispatch(pattern, data));
    const result = new EmitResult(published, (error) =>
      this.#failures.add(() => `An event was not published: ${messageOf(error)}`),
    );
    return result as Observable<unknown> as Observable<TResult>;
  }

  /**
   * Publishes a request for each subscriber of the Observable, which emits every reply until the first
   * responder ends. It fails with `NoSubscribersError`, `RequestTimeoutError`, `ConnectionError`, `PayloadError`,
   * `ClosedError`, or the error of the handler.
   */
  override send<TResult = unknown, TInput = unknown>(
    pattern: unknown,
    data: TInput,
  ): Observable<TResult> {
    if (isNil(pattern) || isNil(data)) return super.send(pattern, data);
    return this.#connect.request<TResult>({ pattern, data }, (observer) =>
      this.publish(this.createPacket(pattern, data), this.createObserver(observer)),
    );
  }

  /**
   * As {@link send}, for the replies of all responders. Emits each value as `{ value }`, and each error of a handler
   * as `{ error }`. A handler that returns nothing is `{ value: undefined }`.
   *
   * Completes at the `timeout`, when `max` responders have ended, or when as many have as Redis delivered the request
   * to. In a Cluster that number is known for sharded requests only. Without a subscriber it completes without a reply.
   * Two request handlers of one process that share a subscription, such as `user.*` and `user.:id`, count as one.
   *
   * It fails with `ConnectionError`, `PayloadError` or `ClosedError`; unsubscribing cancels the request.
   *
   * @throws InvalidOptionError for a wrong option, and without a `max` where requests have no time limit
   */
  sendAll<TResult = unknown, TInput = unknown>(
    pattern: unknown,
    data: TInput,
    options: SendAllOptions = {},
  ): Observable<PubSubReply<TResult>> {
    const limits = readSendAllOptions(options, timeoutOf(data) ?? this.#bus.options.requestTimeout);
    if (isNil(pattern) || isNil(data)) return super.send(pattern, data);
    return this.#connect.request<PubSubReply<TResult>>({ pattern, data }, (observer) => {
      const packet = this.createPacket(pattern, data);
      const addressed = Object.assign(this.#addressRequest(packet), limits);
      const request = new GatheredRequest(this.#inbox, addressed, this.#gatherInto(observer));
      void request.start(() => this.#publish(packet));
      return () => request.cancel();
    });
  }

  /** Listens to an event of every ioredis client; before and after `connect`. */
  override on<Event extends keyof RedisPubSubEvents>(
    event: Event,
    callback: RedisPubSubEvents[Event],
  ): void {
    this.#bus.onClientEvent(event, callback);
  }

  /** Returns the ioredis clients: `[publisher, subscriber]`, or several of both for shard channels. */
  override unwrap<T = [publisher: Redis, subscriber: Redis]>(): T {
    return this.#bus.broker.clients() as T;
  }

  /**
   * Adds a hook that is called with the packet of each event and request before it is sent. The hook may set the
   * `metadata` of the packet until it returns. Hooks that were set before stay: the last one set is called first. For the
   * client of a module the hooks are called by `RedisPubSubService#publish`, too. What a hook throws fails the message,
   * and the others are not called; a rejection is logged. Works in Nest 11, too.
   */
  override setOnDispatchHook(hook: (packet: ReadPacket) => void): void {
    this.#bus.dispatchHooks.add(hook);
  }

  protected override createPacket<TInput>(pattern: unknown, data: TInput): ReadPacket {
    return this.#bus.createPacket(pattern, data);
  }

  protected override dispatchEvent<T = number>(packet: ReadPacket): Promise<T> {
    return this.#publish(packet) as Promise<unknown> as Promise<T>;
  }

  protected override publish(
    packet: ReadPacket,
    callback: (packet: WritePacket) => void,
  ): () => void {
    const request = new SentRequest(this.#inbox, this.#addressRequest(packet), callback);
    void request.start(() => this.#publish(packet));
    return () => request.cancel();
  }

  /** As {@link #address}; telemetry learns of a request that cannot be sent. */
  #addressRequest(packet: RequestPacket): SentRequestOptions {
    try {
      return this.#address(packet);
    } catch (error) {
      this.#bus.reportUnsent(packet, error);
      throw error;
    }
  }

  /** Gives a packet its id and its reply channel. Throws if no request can be sent now. */
  #address(packet: RequestPacket): SentRequestOptions {
    const { broker, codec, options } = this.#bus;
    if (!codec.hasEnvelope) {
      throw new InvalidOptionError('codec', 'one with an envelope, for requests', 'bare data');
    }
    assertForRequests(packet.data);
    const kind = kindOf(packet.data, this.#defaultKind);
    const channel = normalizePattern(packet.pattern);
    const name = this.#bus.nameOf(channel);
    const isCompat = options.replies === 'compat';
    // A number if it is unique to this client alone: V8 keeps a table of short texts in JSON.
    const number = ++this.#lastId;
    const id = isCompat ? `${this.#inbox.name}.${number}` : number;
    const replyTo = isCompat ? undefined : this.#inbox.name;
    const replyKey = { kind, name: replyTo ?? `${name}.reply` };
    if (!broker.canPublish(name, kind) || !broker.canSubscribe(replyKey)) {
      throw new ConnectionError(
        `Cannot send a request: not connected to Redis ("${shorten(channel)}")`,
      );
    }
    // Nest sets them in the packet, too. V8 takes a microsecond for a copy with more keys.
    packet.id = id;
    packet.replyTo = replyTo;
    const timeoutMs = timeoutOf(packet.data) ?? options.requestTimeout;
    return { id, channel, replyKey, timeoutMs, packet };
  }

  #gatherInto<T>(observer: Subscriber<PubSubReply<T>>): Observer<WritePacket> {
    return {
      next: ({ err, response }) =>
        observer.next(
          err
            ? { error: this.serializeError(err) as unknown }
            : { value: this.serializeResponse(response) as T },
        ),
      error: (error) => observer.error(error),
      complete: () => observer.complete(),
    };
  }

  #dispatch(pattern: unknown, data: unknown): Promise<number> {
    try {
      return this.dispatchEvent<number>(this.createPacket(pattern, data));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #publish(message: OutgoingMessage): Promise<number> {
    const { pattern } = message;
    const channel = typeof pattern === 'string' ? pattern : normalizePattern(pattern);
    const format = formatOf(message.data);
    const outgoing = unwrapRecord(message, this.#bus.codec, format);
    return this.#bus.publish(channel, outgoing, {
      serializer: this.#bus.options.serializer,
      kind: kindOf(message.data, this.#defaultKind),
      format,
      history: historyOf(message.data),
    });
  }
}

/** Whether a value is a client, of this copy of the package or another. */
export function isPubSubClient(value: unknown): value is RedisPubSubClient {
  return hasBrand(value, CLIENT);
}

function timeoutOf(data: unknown): number | undefined {
  return isPubSubRecord(data) ? data.timeout : undefined;
}

function isNil(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}
