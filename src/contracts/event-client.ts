import type { ClientProxy } from '@nestjs/microservices';
import { lastValueFrom, type Observable } from 'rxjs';
import { messageOf } from '../errors.js';
import { RateLimitedLog } from '../shared/rate-limited-log.js';
import { EmitResult } from '../transport/client/emit-result.js';
import { OutsideLogger } from '../transport/outside-logger.js';
import type { RedisPubSubRecord } from '../transport/redis-pubsub.record.js';
import { CallOrder } from './call-order.js';
import type { ContractChannel, NameIn } from './channel-types.js';
import type { ContractEntries } from './contract-entries.js';
import type { InputOf, Schema } from './schema.js';

/** Channels and the schemas of their data. */
export type EventSchemas = Readonly<Record<string, Schema>>;

/** A channel of a contract: `'order.paid'`, or `['user.:id.created', { id }]`. */
export type ChannelOf<Schemas> = ContractChannel<keyof Schemas & string>;

/** What can be published to a channel of a contract: the data, or a record with it. */
export type DataFor<Schemas extends EventSchemas, C> =
  NameIn<C> extends keyof Schemas
    ? InputOf<Schemas[NameIn<C>]> | RedisPubSubRecord<InputOf<Schemas[NameIn<C>]>>
    : never;

/**
 * Emits the events of a contract with a client, such as `RedisPubSubClient`. It is what `EventContract.client` returns.
 */
export class EventClient<Schemas extends EventSchemas> {
  readonly #entries: ContractEntries<Schema>;
  readonly #client: Pick<ClientProxy, 'emit'>;
  readonly #order = new CallOrder();
  readonly #logger = new OutsideLogger('RedisPubSub');
  readonly #failures = new RateLimitedLog(
    (line) => this.#logger.error(line),
    (count) => `${count} more events were not published`,
  );

  /** @internal */
  constructor(entries: ContractEntries<Schema>, client: Pick<ClientProxy, 'emit'>) {
    this.#entries = entries;
    this.#client = client;
  }

  /**
   * As `RedisPubSubClient.emit`. Fails with a `PayloadError` for data that the schema refuses, before anything is sent.
   * The data is sent as it was given: the schema describes what is published, and the receiver gets what it returns.
   *
   * Events go out in the order of the calls. One whose schema is asynchronous delays those after it.
   *
   * @throws InvalidOptionError for an unknown name, and as `buildChannel` for a wrong parameter
   */
  emit<const C extends ChannelOf<Schemas>>(
    channel: C,
    data: DataFor<Schemas, C>,
  ): Observable<number> {
    const { entry, channel: name } = this.#entries.resolve(channel);
    let checked: undefined | Promise<undefined>;
    try {
      checked = this.#entries.checkSent(entry.schemas, data, name);
    } catch (error) {
      return this.#result(Promise.reject(error));
    }
    const emit = (): Observable<number> => this.#client.emit<number>(name, data);
    if (!checked && !this.#order.isBusy) return emit();
    return this.#result(
      this.#order.send(checked, () => lastValueFrom(emit(), { defaultValue: 0 })),
    );
  }

  #result(emitted: Promise<number>): Observable<number> {
    return new EmitResult(emitted, (error) =>
      this.#failures.add(() => `An event was not published: ${messageOf(error)}`),
    );
  }
}
