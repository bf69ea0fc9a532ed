import { concatMap, filter, from, map, of, type Observable } from 'rxjs';
import { isPromise } from 'node:util/types';
import { shorten, messageOf } from '../errors.js';
import { RateLimitedLog } from '../shared/rate-limited-log.js';
import type { PubSubMessage } from '../module/message-observer.js';
import type { RedisPubSubService } from '../module/redis-pubsub.service.js';
import type {
  ObserveOptions,
  PublishingOptions,
  PubSubSubscription,
} from '../module/service-options.js';
import { OutsideLogger } from '../transport/outside-logger.js';
import { CallOrder } from './call-order.js';
import type { NameIn, ParamsOf } from './channel-types.js';
import { brokenContract, type AnyChannel, type ContractEntries } from './contract-entries.js';
import type { ChannelOf, DataFor, EventSchemas } from './event-client.js';
import { reasonsOf } from './reasons.js';
import type { OutputOf, Schema } from './schema.js';

/** A message of a contract: its `data` is what the schema has returned, and its `params` are those of the name. */
export interface ContractMessage<Schemas extends EventSchemas, Name> extends Omit<
  PubSubMessage,
  'data' | 'params'
> {
  readonly data: Name extends keyof Schemas ? OutputOf<Schemas[Name]> : never;
  readonly params: Name extends string ? ParamsOf<Name> : never;
}

/** What can be observed: a channel of a contract, or a name with parameters, which stands for all its channels. */
export type Observed<Schemas> = ChannelOf<Schemas> | (keyof Schemas & string);

/** What an {@link EventService} uses of `RedisPubSubService`. */
export type ServiceOfEvents = Pick<RedisPubSubService, 'publish' | 'observePattern' | 'observe'> &
  Pick<RedisPubSubService, 'subscribe' | 'subscribePattern'>;

/** Publishes and observes the events of a contract. It is what `EventContract.service` returns. */
export class EventService<Schemas extends EventSchemas> {
  readonly #entries: ContractEntries<Schema>;
  readonly #service: ServiceOfEvents;
  readonly #order = new CallOrder();
  readonly #logger = new OutsideLogger('RedisPubSub');
  readonly #invalid = new RateLimitedLog(
    (line) => this.#logger.warn(line),
    (count) => `Left out ${count} more messages that do not match their contract`,
  );

  /** @internal */
  constructor(entries: ContractEntries<Schema>, service: ServiceOfEvents) {
    this.#entries = entries;
    this.#service = service;
  }

  /**
   * As `RedisPubSubService.publish`. Rejects with a `PayloadError` for data that the schema refuses, before anything is
   * sent, and as `buildChannel` throws. The data is sent as it was given, in the order of the calls.
   */
  publish<const C extends ChannelOf<Schemas>>(
    channel: C,
    data: DataFor<Schemas, C>,
    options?: PublishingOptions,
  ): Promise<number> {
    try {
      const { entry, channel: name } = this.#entries.resolve(channel);
      const checked = this.#entries.checkSent(entry.schemas, data, name);
      const publish = (): Promise<number> => this.#service.publish(name, data, options);
      return checked || this.#order.isBusy ? this.#order.send(checked, publish) : publish();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * As `RedisPubSubService.observe`, and as `observePattern` for a name with parameters. A message that the schema refuses
   * is left out, and logged. The messages keep their order, also with an asynchronous schema.
   *
   * @throws InvalidOptionError for an unknown name, and as `buildChannel` for a wrong parameter
   */
  observe<const C extends Observed<Schemas>>(
    channel: C,
    options?: ObserveOptions,
  ): Observable<ContractMessage<Schemas, NameIn<C>>> {
    const { schema, name, isPattern } = this.#observed(channel);
    const messages$ = isPattern
      ? this.#service.observePattern(name, options)
      : this.#service.observe(name, options);
    const received$ = messages$.pipe(
      concatMap((message) => {
        const received = this.#receiveOrLog(schema, message);
        return isPromise(received) ? from(received) : of(received);
      }),
      filter((message) => message !== undefined),
      map((message) => this.#withParams(message, channel)),
    );
    return received$ as Observable<unknown> as Observable<ContractMessage<Schemas, NameIn<C>>>;
  }

  /**
   * As `RedisPubSubService.subscribe`, and as `subscribePattern` for a name with parameters. A message that the schema
   * refuses does not reach the handler, and is logged. The handler is called in the order of the messages, also with an
   * asynchronous schema.
   */
  async subscribe<const C extends Observed<Schemas>>(
    channel: C,
    handler: (message: ContractMessage<Schemas, NameIn<C>>) => unknown,
    options?: ObserveOptions,
  ): Promise<PubSubSubscription> {
    const { schema, name, isPattern } = this.#observed(channel);
    const order = new CallOrder();
    const call = (received: PubSubMessage | undefined): unknown => {
      if (!received) return undefined;
      const typed: unknown = this.#withParams(received, channel);
      return handler(typed as ContractMessage<Schemas, NameIn<C>>);
    };
    const handle = (message: PubSubMessage): unknown => {
      const received = this.#receiveOrLog(schema, message);
      return isPromise(received) || order.isBusy ? order.send(received, call) : call(received);
    };
    return isPattern
      ? this.#service.subscribePattern(name, handle, options)
      : this.#service.subscribe(name, handle, options);
  }

  #observed(given: AnyChannel): {
    readonly schema: Schema;
    readonly name: string;
    readonly isPattern: boolean;
  } {
    if (typeof given !== 'string') {
      const { entry, channel } = this.#entries.resolve(given);
      return { schema: entry.schemas, name: channel, isPattern: false };
    }
    const { pattern, schemas: schema } = this.#entries.get(given);
    return pattern.hasParams
      ? { schema, name: given, isPattern: true }
      : { schema, name: pattern.name, isPattern: false };
  }

  /** An observer of one channel knows its parameters. */
  #withParams(message: PubSubMessage, given: AnyChannel): PubSubMessage {
    if (typeof given === 'string') return message;
    const { pattern } = this.#entries.get(given[0]);
    const params = pattern.match(message.channel) ?? message.params;
    return Object.assign({}, message, { params });
  }

  #receiveOrLog(
    schema: Schema,
    message: PubSubMessage,
  ): PubSubMessage | undefined | Promise<PubSubMessage | undefined> {
    const { channel } = message;
    const leftOut = (error: unknown): undefined => {
      this.#invalid.add(() => `Left out a message on "${shorten(channel)}": ${messageOf(error)}`);
    };
    try {
      const data = this.#entries.receive(schema, message.data, (issues) =>
        brokenContract('message', channel, reasonsOf(issues, schema, message.data)),
      );
      const withData = (value: unknown): PubSubMessage =>
        Object.assign({}, message, { data: value });
      return isPromise(data) ? data.then(withData, leftOut) : withData(data);
    } catch (error) {
      return leftOut(error);
    }
  }
}
