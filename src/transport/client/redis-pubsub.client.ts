import { Logger } from '@nestjs/common';
import { ClientProxy, type ReadPacket, type WritePacket } from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import { isPromise } from 'node:util/types';
import { firstValueFrom, Observable } from 'rxjs';
import { BurstLog } from '../../shared/rate-limited-log.js';
import type { MessageId, OutgoingMessage } from '../../codec/codec.js';
import { ClosedError, ConnectionError, InvalidOptionError, messageOf } from '../../errors.js';
import {
  resolveOptions,
  type RedisPubSubClientOptions,
  type ResolvedOptions,
} from '../../options/options.js';
import { ClientStart } from './client-connect.js';
import { normalizePattern } from '../create-codec.js';
import { Emission } from './emit-result.js';
import { textOf } from '../server/failure-log.js';
import { MessageBus } from '../message-bus.js';
import { RedisPubSubRecord, shardedOf, unwrapRecord } from '../redis-pubsub.record.js';
import { ReplyInbox } from './reply-inbox.js';
import { Request } from './request.js';
import type { RedisPubSubEvents, RedisPubSubStatus } from '../transport-events.js';

/** A packet on its way to be a request. */
interface RequestPacket extends ReadPacket {
  id?: MessageId;
  replyTo?: string | undefined;
}

/**
 * The sending half: `emit` is PUBLISH, `send` is request-response. A pattern is a literal channel
 * here, whatever characters it has.
 *
 * Connects at the first message, or at `connect`; connections come back by themselves. While Redis is
 * away again events wait in the `publishBuffer`, and requests fail at once, with a `ConnectionError`. Throws
 * `InvalidOptionError` for a wrong option.
 */
export class RedisPubSubClient extends ClientProxy<RedisPubSubEvents> {
  readonly #logger = new Logger(RedisPubSubClient.name);
  readonly #failures = new BurstLog(
    (line) => this.#logger.error(line),
    (count) => `${count} more events were not published`,
  );
  readonly #options: RedisPubSubClientOptions;
  readonly #resolved: ResolvedOptions;
  readonly #bus: MessageBus;
  readonly #inbox: ReplyInbox;
  readonly #start: ClientStart;
  #lastId = 0;

  /** `bus`: connections that others use too; without it the client has a pair of its own. */
  constructor(options: RedisPubSubClientOptions = {}, bus?: MessageBus) {
    super();
    this.#options = options;
    this.#resolved = resolveOptions(options);
    this.#bus = bus ?? new MessageBus(this.#resolved);
    this.#start = new ClientStart(this.#bus, !bus);
    this.#inbox = new ReplyInbox(this.#bus, options.deserializer, (thrown) =>
      this.#logger.error(`Whoever sent a request threw: ${messageOf(thrown)}`),
    );
    this.#bus.broker.onStatus((status) => status !== 'connecting' && this._status$.next(status));
  }

  /** Replays the latest status, then tells of every change. */
  override get status(): Observable<RedisPubSubStatus> {
    return super.status as Observable<RedisPubSubStatus>;
  }

  /** Resolves when both connections are up; rejects with a `ConnectionError` when an attempt fails. */
  connect(): Promise<void> {
    return this.#start.connect();
  }

  /**
   * Fails the requests that are waiting, sends what was emitted, and disconnects; for a first connection that
   * is on its way events wait a second. Idempotent, never rejects.
   */
  async close(): Promise<void> {
    this.#inbox.close(new ClosedError());
    await this.#start.end();
  }

  /**
   * Publishes an event at once, whether or not anyone subscribes to the result. Emits the number of
   * subscriptions that Redis delivered to, or fails with a `PubSubError` (with Nest's own error for `null` and
   * `undefined`); a failure that nobody has subscribed to see is logged: ten a second in full, and how many more there were.
   */
  override emit<TResult = number, TInput = unknown>(
    pattern: unknown,
    data: TInput,
  ): Observable<TResult> {
    const isNothing = isNil(pattern) || isNil(data);
    const published = isNothing
      ? firstValueFrom(super.emit<number>(pattern, data))
      : this.#start.emit(() => this.#dispatch(pattern, data));
    const emission = new Emission(published, (error) =>
      this.#failures.add(() => `An event was not published: ${messageOf(error)}`),
    );
    return emission as Observable<unknown> as Observable<TResult>;
  }

  /**
   * A request; it is published for each subscriber, and emits every reply until the first responder
   * ends. Fails with `NoSubscribersError`, `RequestTimeoutError`, or what the handler failed with.
   */
  override send<TResult = unknown, TInput = unknown>(
    pattern: unknown,
    data: TInput,
  ): Observable<TResult> {
    if (isNil(pattern) || isNil(data)) return super.send(pattern, data);
    return new Observable<TResult>((observer) => {
      let cancel: (() => void) | undefined;
      const publish = (): void => {
        if (observer.closed) return;
        try {
          const packet = this.createPacket(pattern, data);
          cancel = this.publish(packet, this.createObserver(observer));
        } catch (error) {
          observer.error(error);
        }
      };
      if (this.#start.hasBegun) publish();
      else this.connect().then(publish, (error: unknown) => observer.error(error));
      return () => cancel?.();
    });
  }

  /** Listens to an event of both ioredis clients; before and after `connect`. */
  override on<Event extends keyof RedisPubSubEvents>(
    event: Event,
    callback: RedisPubSubEvents[Event],
  ): void {
    this.#bus.onClientEvent(event, callback);
  }

  /** The ioredis clients: `[publisher, subscriber]`, or more publishers and subscribers for shard channels. */
  override unwrap<T = [publisher: Redis, subscriber: Redis]>(): T {
    return this.#bus.broker.clients() as T;
  }

  /**
   * A hook over each outgoing packet, which may set its `metadata` before it returns. What it throws fails
   * the message; what it rejects with is logged. Works in Nest 11 too.
   */
  override setOnDispatchHook(hook: (packet: ReadPacket) => void): void {
    this.onDispatchHook = hook;
  }

  protected override createPacket<TInput>(pattern: unknown, data: TInput): ReadPacket {
    const packet: ReadPacket = { pattern, data };
    const hooked: unknown = this.onDispatchHook?.(packet);
    if (isPromise(hooked)) {
      hooked.catch((error) => this.#logger.error(`A dispatch hook failed: ${textOf(error)}`));
    }
    return packet;
  }

  protected override dispatchEvent<T = number>(packet: ReadPacket): Promise<T> {
    return this.#publish(packet) as Promise<unknown> as Promise<T>;
  }

  protected override publish(
    packet: ReadPacket,
    callback: (packet: WritePacket) => void,
  ): () => void {
    if (!this.#bus.codec.hasEnvelope) {
      throw new InvalidOptionError('codec', 'one with an envelope, for requests', 'bare data');
    }
    const isSharded = this.#isSharded(packet);
    const channel = normalizePattern(packet.pattern);
    const name = this.#bus.nameOf(channel);
    const isCompat = this.#resolved.replies === 'compat';
    // A number where it only has to be unique to this client: V8 keeps a table of short texts in JSON.
    const number = ++this.#lastId;
    const id = isCompat ? `${this.#inbox.name}.${number}` : number;
    const replyTo = isCompat ? undefined : this.#inbox.name;
    const replyAddress = { channel: replyTo ?? `${name}.reply`, isSharded };
    if (!this.#bus.broker.reaches(name, isSharded) || !this.#inbox.canHear(replyAddress)) {
      throw new ConnectionError('Cannot send a request: not connected to Redis');
    }
    const request = new Request(
      this.#inbox,
      {
        id,
        channel,
        replyAddress,
        timeout: timeoutOf(packet) ?? this.#resolved.requestTimeout,
      },
      callback,
    );
    // Into the packet itself, as Nest does it: V8 takes a microsecond for a copy with more keys.
    const message: RequestPacket = packet;
    message.id = id;
    message.replyTo = replyTo;
    void request.start(() => this.#publish(message));
    return () => request.cancel();
  }

  #isSharded({ data }: { readonly data: unknown }): boolean {
    return shardedOf(data) ?? this.#resolved.sharded;
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
    const outgoing = unwrapRecord(message, this.#bus.codec);
    return this.#bus.publish(channel, outgoing, {
      serializer: this.#options.serializer,
      isSharded: this.#isSharded(message),
    });
  }
}

function timeoutOf({ data }: ReadPacket<unknown>): number | undefined {
  return data instanceof RedisPubSubRecord ? data.timeout : undefined;
}

function isNil(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}
