import {
  createParamDecorator,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload, type Transport } from '@nestjs/microservices';
import { concatMap, isObservable, type Observable, from, map } from 'rxjs';
import { InvalidOptionError } from '../errors.js';
import { decoratedParameters } from '../module/nest-internals.js';
import { brandOf, brandValue } from '../shared/brand.js';
import { isPubSubContext, type RedisPubSubContext } from '../transport/redis-pubsub.context.js';
import type { SubscribeOptions } from '../transport/subscribe.decorator.js';
import type { ParamsOf } from './channel-types.js';
import type { Contract, EventContract, RequestContract } from './contract.js';
import type { ContractEntries } from './contract-entries.js';
import type { EventSchemas } from './event-client.js';
import type { RequestSchema, RequestSchemas } from './request-client.js';
import type { InputOf, OutputOf, Schema } from './schema.js';

/** A method that handles the events of a contract. Its first three parameters need no decorators. */
export type EventMethod<Data, Params> = (
  data: Data,
  params: Params,
  context: RedisPubSubContext,
  ...decorated: never[]
) => unknown;

/** A method that answers the requests of a contract: with a value, a promise, or an Observable of several. */
export type RequestMethod<Data, Params, Response> = (
  data: Data,
  params: Params,
  context: RedisPubSubContext,
  ...decorated: never[]
) => Response | Promise<Response> | Observable<Response>;

/** Decorates methods of one type alone. */
export type MethodDecoratorOf<Method> = <M extends Method>(
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<M>,
) => void;

/** The contract of a handler. */
export interface HandlerContract {
  readonly contract: Contract;
  /** The name in it. */
  readonly name: string;
}

const CONTRACT = brandOf('contract');

/** The contract of a handler, from its options; `undefined` for a handler without one. */
export function contractIn(extras: unknown): HandlerContract | undefined {
  return brandValue(extras, CONTRACT) as HandlerContract | undefined;
}

/**
 * Method decorator: handles an event of a contract. The method receives what the schema returns, the parameters of the
 * channel, and the context, in this order and without decorators. The compiler checks their types. Further parameters may
 * have decorators, such as `@MessageHeader`.
 *
 * A message that the schema refuses does not reach the method, as with a `ValidationPipe`.
 *
 * @throws InvalidOptionError for an unknown name, for a method that has a contract already, and for a decorator on one of
 * the first three parameters
 *
 * @example
 * ```ts
 * class UserEvents {
 *   @On(events, 'user.:id.created')
 *   onCreated(user: { name: string }, { id }: { id: string }) {
 *     console.log(`user ${id} is ${user.name}`);
 *   }
 * }
 * ```
 *
 * @see {@link defineEvents}
 */
export function On<Schemas extends EventSchemas, const Name extends keyof Schemas & string>(
  contract: EventContract<Schemas>,
  name: Name,
  options: SubscribeOptions = {},
): MethodDecoratorOf<EventMethod<OutputOf<Schemas[Name]>, ParamsOf<Name>>> {
  return (target, key, descriptor) => {
    const at = nameOf(target, key);
    const schema = checkContract(contract, 'events', at).entries.get(name, `event of @On at ${at}`);
    const method = { target, key: key as string, at };
    const extras = prepare(method, descriptor, { contract, name, options });
    giveParameters(method, contract.entries, schema.schemas);
    const { transportId } = options;
    EventPattern<string>(name, transportId as Transport, extras)(target, key, descriptor);
  };
}

/**
 * Method decorator: answers a request of a contract. The method has the parameters that {@link On} describes, and returns
 * a reply, a promise of one, or an Observable of several.
 *
 * A request that the schema refuses does not reach the method, as with a `ValidationPipe`. With `validate: 'both'` a
 * reply that its schema refuses is an error of the handler: it is logged, and the caller gets `Internal server error`.
 *
 * @throws InvalidOptionError for an unknown name, for a method that has a contract already, and for a decorator on one of
 * the first three parameters
 *
 * @see {@link defineRequests}
 */
export function Respond<Schemas extends RequestSchemas, const Name extends keyof Schemas & string>(
  contract: RequestContract<Schemas>,
  name: Name,
  options: SubscribeOptions = {},
): MethodDecoratorOf<
  RequestMethod<
    OutputOf<Schemas[Name]['request']>,
    ParamsOf<Name>,
    InputOf<Schemas[Name]['response']>
  >
> {
  return (target, key, descriptor) => {
    const at = nameOf(target, key);
    const { entries } = checkContract(contract, 'requests', at);
    const { request, response } = entries.get(name, `request of @Respond at ${at}`).schemas;
    const method = { target, key: key as string, at };
    const extras = prepare(method, descriptor, { contract, name, options });
    giveParameters(method, entries, request);
    if (entries.validation === 'both') {
      UseInterceptors(new ReplyCheck(entries, response))(target, key, descriptor);
    }
    const { transportId } = options;
    MessagePattern<string>(name, transportId as Transport, extras)(target, key, descriptor);
  };
}

/** A decorated method. */
interface Method {
  readonly target: object;
  readonly key: string;
  /** Its class and its name, for errors. */
  readonly at: string;
}

/** How many parameters a contract gives to a method. */
const PARAMETERS = 3;

/** The values of the segments `:name`. */
const Params = createParamDecorator((_: unknown, execution: ExecutionContext) => {
  const context: unknown = execution.switchToRpc().getContext();
  return isPubSubContext(context) ? context.getParams() : undefined;
});

/** Validates the payload of one method. */
class ContractPipe<Schemas> implements PipeTransform {
  constructor(
    private readonly entries: ContractEntries<Schemas>,
    private readonly schema: Schema,
  ) {}

  transform(value: unknown): unknown {
    return this.entries.receive(this.schema, value);
  }
}

/** Validates the replies of one method. */
class ReplyCheck implements NestInterceptor {
  constructor(
    private readonly entries: ContractEntries<RequestSchema>,
    private readonly schema: Schema,
  ) {}

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    const context: unknown = execution.switchToRpc().getContext();
    const channel = isPubSubContext(context) ? context.getChannel() : execution.getHandler().name;
    return next.handle().pipe(
      concatMap((reply: unknown) => (isObservable(reply) ? reply : [reply])),
      concatMap((reply) => {
        const checked = this.entries.checkSent(this.schema, reply, channel, 'reply');
        return checked ? from(checked).pipe(map(() => reply)) : [reply];
      }),
    );
  }
}

/** Checks a method, and returns the options of its handler. */
function prepare(
  { target, key, at }: Method,
  descriptor: PropertyDescriptor,
  { options, ...contract }: HandlerContract & { readonly options: SubscribeOptions },
): Record<string | symbol, unknown> {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidOptionError(`options of ${at}`, 'an object', options);
  }
  const known = Reflect.getMetadataKeys(descriptor.value as object).some(
    (it) => contractIn(Reflect.getMetadata(it, descriptor.value as object)) !== undefined,
  );
  if (known) throw new InvalidOptionError(at, 'a method with one contract', 'two');
  const decorated = decoratedParameters(target.constructor, key).find((it) => it < PARAMETERS);
  if (decorated !== undefined) {
    throw new InvalidOptionError(
      `parameter ${decorated} of ${at}`,
      'without a decorator: a contract gives the method its data, parameters and context',
      'one with a decorator',
    );
  }
  const { transportId: _, ...extras } = options;
  return { ...extras, [CONTRACT]: contract };
}

/** Gives a method its first parameters, as its decorators would. The first one is always validated. */
function giveParameters<Schemas>(
  { target, key }: Method,
  entries: ContractEntries<Schemas>,
  schema: Schema,
): void {
  const pipes = entries.validation === false ? [] : [new ContractPipe(entries, schema)];
  Payload(...pipes)(target, key, 0);
  const count = parameterCount(target, key);
  if (count > 1) Params()(target, key, 1);
  if (count > 2) Ctx()(target, key, 2);
}

/** `length` leaves out the parameters with defaults, which the compiler's metadata has. */
function parameterCount(target: object, key: string): number {
  const types: unknown = Reflect.getMetadata('design:paramtypes', target, key);
  const method = Reflect.get(target, key) as { readonly length: number };
  return Math.max(method.length, Array.isArray(types) ? types.length : 0);
}

function checkContract<C extends { readonly kind: string }>(
  contract: C,
  kind: C['kind'],
  at: string,
): C {
  if (Object(contract).kind === kind) return contract;
  const expected = `what define${kind === 'events' ? 'Events' : 'Requests'} returns`;
  throw new InvalidOptionError(`contract of ${at}`, expected, contract);
}

function nameOf(target: object, key: string | symbol): string {
  return `${target.constructor.name}.${String(key)}`;
}
