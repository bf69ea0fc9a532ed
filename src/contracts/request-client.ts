import type { ClientProxy } from '@nestjs/microservices';
import { catchError, concatMap, defer, from, map, of, switchMap, type Observable } from 'rxjs';
import { isPromise } from 'node:util/types';
import type { PubSubReply, SendAllOptions } from '../transport/client/gathered-request.js';
import type { RedisPubSubClient } from '../transport/client/redis-pubsub.client.js';
import type { RedisPubSubRecord } from '../transport/redis-pubsub.record.js';
import type { NameIn } from './channel-types.js';
import { brokenContract, type AnyChannel, type ContractEntries } from './contract-entries.js';
import type { ChannelOf } from './event-client.js';
import { reasonsOf } from './reasons.js';
import type { InputOf, OutputOf, Schema } from './schema.js';

/** The schemas of one request: of its data, and of each reply. */
export interface RequestSchema {
  readonly request: Schema;
  readonly response: Schema;
}

/** Channels and the schemas of their requests. */
export type RequestSchemas = Readonly<Record<string, RequestSchema>>;

/** What can be sent with a request of a contract: the data, or a record with it. */
export type RequestFor<Schemas extends RequestSchemas, C> =
  NameIn<C> extends keyof Schemas
    ? | InputOf<Schemas[NameIn<C>]['request']>
      | RedisPubSubRecord<InputOf<Schemas[NameIn<C>]['request']>>
    : never;

/** What the caller of a request of a contract receives: that which the schema of the response returns. */
export type ResponseFor<Schemas extends RequestSchemas, C> =
  NameIn<C> extends keyof Schemas ? OutputOf<Schemas[NameIn<C>]['response']> : never;

/** Sends the requests of a contract with a client. It is what `RequestContract.client` returns. */
export class RequestClient<Schemas extends RequestSchemas> {
  readonly #entries: ContractEntries<RequestSchema>;
  readonly #client: Pick<ClientProxy, 'send'>;

  /** @internal */
  constructor(entries: ContractEntries<RequestSchema>, client: Pick<ClientProxy, 'send'>) {
    this.#entries = entries;
    this.#client = client;
  }

  /**
   * As `RedisPubSubClient.send`: each subscriber sends a request. Fails with a `PayloadError` for data that the schema
   * refuses, before anything is sent, and for a reply that the schema of the response refuses.
   *
   * @throws InvalidOptionError for an unknown name, and as `buildChannel` for a wrong parameter
   */
  send<const C extends ChannelOf<Schemas>>(
    channel: C,
    data: RequestFor<Schemas, C>,
  ): Observable<ResponseFor<Schemas, C>> {
    const request = new TypedRequest(this.#entries, channel);
    const replies$ = request.checked(data, () => this.#client.send<unknown>(request.channel, data));
    return replies$.pipe(concatMap((reply) => request.receive(reply))) as Observable<
      ResponseFor<Schemas, C>
    >;
  }
}

/** What a {@link RedisRequestClient} uses of `RedisPubSubClient`. */
export type ClientOfRequests = Pick<RedisPubSubClient, 'send' | 'sendAll'>;

/**
 * Sends the requests of a contract with a `RedisPubSubClient`. It is what `RequestContract.client` returns for one: other
 * clients of Nest have no `sendAll`.
 */
export class RedisRequestClient<Schemas extends RequestSchemas> extends RequestClient<Schemas> {
  readonly #entries: ContractEntries<RequestSchema>;
  readonly #client: ClientOfRequests;

  /** @internal */
  constructor(entries: ContractEntries<RequestSchema>, client: ClientOfRequests) {
    super(entries, client);
    this.#entries = entries;
    this.#client = client;
  }

  /**
   * As `RedisPubSubClient.sendAll`: emits the replies of all responders, each as `{ value }` or `{ error }`. A reply that the
   * schema of the response refuses is an `{ error }` with a `PayloadError`, and the others still come. Fails with a
   * `PayloadError` for data that the schema refuses, before anything is sent.
   *
   * @throws InvalidOptionError for an unknown name or a wrong option, and as `buildChannel` for a wrong parameter
   */
  sendAll<const C extends ChannelOf<Schemas>>(
    channel: C,
    data: RequestFor<Schemas, C>,
    options?: SendAllOptions,
  ): Observable<PubSubReply<ResponseFor<Schemas, C>>> {
    const request = new TypedRequest(this.#entries, channel);
    // It checks the options now, and sends a request for each subscriber.
    const sent$ = this.#client.sendAll<unknown>(request.channel, data, options);
    const replies$ = request.checked(data, () => sent$);
    return replies$.pipe(concatMap((reply) => request.receiveOrTell(reply))) as Observable<
      PubSubReply<ResponseFor<Schemas, C>>
    >;
  }
}

/** A request to one channel of a contract. */
class TypedRequest {
  readonly channel: string;
  readonly #entries: ContractEntries<RequestSchema>;
  readonly #schemas: RequestSchema;

  /** Throws `InvalidOptionError` for an unknown name, and as `buildChannel`. */
  constructor(entries: ContractEntries<RequestSchema>, given: AnyChannel) {
    const { entry, channel } = entries.resolve(given);
    this.channel = channel;
    this.#entries = entries;
    this.#schemas = entry.schemas;
  }

  /** Sends for each subscriber, once the data is checked. */
  checked<T>(data: unknown, send: () => Observable<T>): Observable<T> {
    return defer(() => {
      const checked = this.#entries.checkSent(this.#schemas.request, data, this.channel);
      return checked ? from(checked).pipe(switchMap(send)) : send();
    });
  }

  /** What the caller receives for a reply. Throws, or fails, for one that the schema refuses. */
  receive(reply: unknown): Observable<unknown> {
    const { response } = this.#schemas;
    const value = this.#entries.receive(response, reply, (issues) =>
      brokenContract('reply', this.channel, reasonsOf(issues, response, reply)),
    );
    return isPromise(value) ? from(value) : of(value);
  }

  /** As {@link receive}, for one reply of several: it never fails. */
  receiveOrTell(reply: PubSubReply): Observable<PubSubReply> {
    if ('error' in reply) return of(reply);
    return defer(() => this.receive(reply.value)).pipe(
      map((value) => ({ value })),
      catchError((error: unknown) => of({ error })),
    );
  }
}
