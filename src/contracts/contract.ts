import type { ClientProxy } from '@nestjs/microservices';
import { InvalidOptionError } from '../errors.js';
import { checkSchema, ContractEntries, type ContractOptions } from './contract-entries.js';
import { EventClient, type EventSchemas } from './event-client.js';
import { EventService, type ServiceOfEvents } from './event-service.js';
import {
  RedisRequestClient,
  RequestClient,
  type ClientOfRequests,
  type RequestSchema,
  type RequestSchemas,
} from './request-client.js';
import type { InputOf, OutputOf, Schema } from './schema.js';

/** Events with the schemas of their data. Created by {@link defineEvents}. */
export class EventContract<Schemas extends EventSchemas> {
  /** Which kind of contract it is. */
  readonly kind = 'events';
  /** @internal */
  readonly entries: ContractEntries<Schema>;

  /** @internal */
  constructor(
    /** The schemas by their names. */
    readonly schemas: Schemas,
    options: ContractOptions,
  ) {
    this.entries = new ContractEntries('defineEvents', schemas, options, checkSchema);
  }

  /** A view of a client with the types of this contract: `RedisPubSubClient`, or any other one of Nest. */
  client(client: Pick<ClientProxy, 'emit'>): EventClient<Schemas> {
    return new EventClient(this.entries, checkView('client', client, 'emit'));
  }

  /** A view of the module's service with the types of this contract. */
  service(service: ServiceOfEvents): EventService<Schemas> {
    return new EventService(this.entries, checkView('service', service, 'publish'));
  }
}

/** Requests with the schemas of their data and replies. Created by {@link defineRequests}. */
export class RequestContract<Schemas extends RequestSchemas> {
  /** Which kind of contract it is. */
  readonly kind = 'requests';
  /** @internal */
  readonly entries: ContractEntries<RequestSchema>;

  /** @internal */
  constructor(
    /** The schemas by their names. */
    readonly schemas: Schemas,
    options: ContractOptions,
  ) {
    this.entries = new ContractEntries('defineRequests', schemas, options, readRequest);
  }

  /** A view of a `RedisPubSubClient` with the types of this contract. */
  client(client: ClientOfRequests): RedisRequestClient<Schemas>;
  /** A view of any other client of Nest, which has no `sendAll`. */
  client(client: Pick<ClientProxy, 'send'>): RequestClient<Schemas>;
  client(client: ClientOfRequests | Pick<ClientProxy, 'send'>): RequestClient<Schemas> {
    const checked = checkView('client', client, 'send');
    return 'sendAll' in checked
      ? new RedisRequestClient(this.entries, checked)
      : new RequestClient(this.entries, checked);
  }
}

/** A contract of any events or requests. */
export type Contract =
  | Pick<EventContract<EventSchemas>, 'kind' | 'schemas' | 'entries'>
  | Pick<RequestContract<RequestSchemas>, 'kind' | 'schemas' | 'entries'>;

/** What a handler receives of an event or a request: `PayloadOf<typeof events, 'order.paid'>`. */
export type PayloadOf<
  C extends { readonly schemas: object },
  Name extends keyof C['schemas'],
> = C['schemas'][Name] extends Schema
  ? OutputOf<C['schemas'][Name]>
  : C['schemas'][Name] extends RequestSchema
    ? OutputOf<C['schemas'][Name]['request']>
    : never;

/** What a handler returns for a request: `ResponseOf<typeof requests, 'price.get'>`. */
export type ResponseOf<
  C extends { readonly schemas: RequestSchemas },
  Name extends keyof C['schemas'],
> = InputOf<C['schemas'][Name]['response']>;

/**
 * Defines events by their channels, each with the schema of its data. A channel may have parameters, as in
 * `user.:id.created`, and no globs.
 *
 * @throws InvalidOptionError for a value that is no schema, and for a wrong option
 * @throws InvalidChannelError for a channel that is not valid, or has a glob
 *
 * @example
 * ```ts
 * const events = defineEvents({
 *   'order.paid': z.object({ id: z.string() }),
 *   'user.:id.created': z.object({ name: z.string() }),
 * });
 * ```
 */
export function defineEvents<const Schemas extends EventSchemas>(
  schemas: Schemas,
  options: ContractOptions = {},
): EventContract<Schemas> {
  return new EventContract(schemas, options);
}

/**
 * Defines requests by their channels, each with a schema of its data and one of its replies. A channel may have
 * parameters, as in `user.:id.get`, and no globs.
 *
 * @throws InvalidOptionError for a value that is no schema, and for a wrong option
 * @throws InvalidChannelError for a channel that is not valid, or has a glob
 */
export function defineRequests<const Schemas extends RequestSchemas>(
  schemas: Schemas,
  options: ContractOptions = {},
): RequestContract<Schemas> {
  return new RequestContract(schemas, options);
}

function readRequest(given: unknown, at: string): RequestSchema {
  const { request, response } = Object(given) as Partial<Record<string, unknown>>;
  return {
    request: checkSchema(request, `request of ${at}`),
    response: checkSchema(response, `response of ${at}`),
  };
}

/** A missing provider would fail at its first message only. */
function checkView<T extends object>(name: string, given: T, method: string): T {
  const isView = typeof given === 'object' && given !== null && method in given;
  if (isView && typeof Reflect.get(given, method) === 'function') return given;
  throw new InvalidOptionError(name, `an object with the function "${method}"`, given);
}
