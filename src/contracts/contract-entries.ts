import { BadRequestException } from '@nestjs/common';
import { buildChannel, ChannelPattern } from '../channel/channel-pattern.js';
import { InvalidChannelError, InvalidOptionError, PayloadError, shorten } from '../errors.js';
import { checkOneOf } from '../options/option-checks.js';
import { unknownName } from '../options/unknown-option.js';
import { nearestName } from '../shared/nearest-name.js';
import { isPubSubRecord } from '../transport/redis-pubsub.record.js';
import { reasonsOf } from './reasons.js';
import { chain, isSchema, validate, type Schema, type SchemaIssue } from './schema.js';

/** Options of `defineEvents` and `defineRequests`. */
export interface ContractOptions {
  /**
   * Which side validates. With `'both'`: the one that sends, and the one that receives. With `'in'`: the one that
   * receives. With `false`: neither, and the contract is types alone.
   *
   * @defaultValue `'both'`
   */
  readonly validate?: 'in' | 'both' | false;

  /**
   * Creates what is thrown for a message that a handler must not receive. With an `RpcException`, the caller of a request
   * receives the reason.
   *
   * @defaultValue a `BadRequestException` with one text for each issue, as that of a `ValidationPipe`
   */
  readonly exceptionFactory?: (issues: readonly SchemaIssue[]) => unknown;
}

/** Which side validates. */
export type Validation = 'in' | 'both' | false;

/** How a channel is written: the name, or the name with the values of its parameters. */
export type AnyChannel =
  string | readonly [name: string, params: Readonly<Record<string, string | number | bigint>>];

/** One name of a contract. */
export interface ContractEntry<Schemas> {
  readonly name: string;
  readonly pattern: ChannelPattern;
  readonly schemas: Schemas;
}

/** The names of a contract with their schemas, checked, and its options. */
export class ContractEntries<Schemas> {
  readonly validation: Validation;
  readonly #entries: ReadonlyMap<string, ContractEntry<Schemas>>;
  readonly #exceptionFactory: ContractOptions['exceptionFactory'];
  /** What defined them, for errors. */
  readonly #owner: string;

  /** `read` checks the schemas of one name. Throws `InvalidOptionError` and `InvalidChannelError`. */
  constructor(
    owner: string,
    definition: unknown,
    options: unknown,
    read: (given: unknown, at: string) => Schemas,
  ) {
    this.#owner = owner;
    const { validate: validation, exceptionFactory } = readOptions(owner, options);
    this.validation = validation;
    this.#exceptionFactory = exceptionFactory;
    this.#entries = readEntries(owner, definition, read);
  }

  /** All names, in the order of their definition. */
  get all(): readonly ContractEntry<Schemas>[] {
    return [...this.#entries.values()];
  }

  /** The entry of a name. Throws `InvalidOptionError` for another one. */
  get(name: unknown, what = 'channel'): ContractEntry<Schemas> {
    const entry = typeof name === 'string' ? this.#entries.get(name) : undefined;
    if (entry) return entry;
    const names = [...this.#entries.keys()];
    if (typeof name === 'string' && nearestName(name, names) !== undefined) {
      throw unknownName(what, name, names);
    }
    throw new InvalidOptionError(what, `one of those in ${this.#owner}`, name);
  }

  /** The entry and the channel that `['user.:id', { id }]` or a name stands for. Throws as `buildChannel`. */
  resolve(given: AnyChannel): { readonly entry: ContractEntry<Schemas>; readonly channel: string } {
    // It may be what a request to the application has: an array-like object of any length.
    const { 0: name, 1: params }: ArrayLike<unknown> =
      typeof given === 'string' ? [given] : Object(given);
    const entry = this.get(name);
    const isLiteral = params === undefined && !entry.pattern.hasParams;
    const channel = isLiteral ? entry.pattern.name : buildChannel(entry.name, Object(params));
    return { entry, channel };
  }

  /**
   * Checks what is sent, which may be a record with the data. Throws or rejects with a `PayloadError`; returns nothing if
   * the data is valid.
   */
  checkSent(
    schema: Schema,
    data: unknown,
    channel: string,
    what = 'data',
  ): undefined | Promise<undefined> {
    if (this.validation !== 'both') return undefined;
    const value = isPubSubRecord(data) ? data.data : data;
    return chain(validate(schema, value), ({ issues }) => {
      if (issues) throw brokenContract(what, channel, reasonsOf(issues, schema, value));
      return undefined;
    });
  }

  /** What the receiver of a value gets: that which the schema returns. Throws or rejects with what `fail` creates. */
  receive(
    schema: Schema,
    value: unknown,
    fail: (issues: readonly SchemaIssue[]) => unknown = (issues) =>
      this.#rejection(issues, schema, value),
  ): unknown {
    if (this.validation === false) return value;
    return chain(validate(schema, value), (result) => {
      if (result.issues) throw fail(result.issues);
      return result.value;
    });
  }

  #rejection(issues: readonly SchemaIssue[], schema: Schema, value: unknown): unknown {
    return (
      this.#exceptionFactory?.(issues) ?? new BadRequestException(reasonsOf(issues, schema, value))
    );
  }
}

/** The error for a value that a contract does not allow. `what` it is, such as `data`. */
export function brokenContract(
  what: string,
  channel: string,
  reasons: readonly string[],
): PayloadError {
  return new PayloadError(
    `The ${what} for "${shorten(channel)}" does not match its contract: ${reasons.join('; ')}`,
  );
}

/** Returns a schema, or throws `InvalidOptionError`. */
export function checkSchema(schema: unknown, at: string): Schema {
  if (isSchema(schema)) return schema;
  throw new InvalidOptionError(
    at,
    'a Standard Schema, such as that of Zod or Valibot; dto() makes one of a class',
    schema,
  );
}

function readOptions(owner: string, options: unknown) {
  const { validate: validation = 'both', exceptionFactory } = readObject<ContractOptions>(
    `options of ${owner}`,
    options,
  );
  const unknown = Object.keys(options as object).find((it) => !OPTIONS.includes(it));
  if (unknown !== undefined) throw unknownName(`option of ${owner}`, unknown, OPTIONS);
  if (exceptionFactory !== undefined && typeof exceptionFactory !== 'function') {
    throw new InvalidOptionError('exceptionFactory', 'a function', exceptionFactory);
  }
  const isOff = validation === false;
  return {
    validate: isOff ? (false as const) : checkOneOf('validate', validation, ['in', 'both']),
    exceptionFactory,
  };
}

const OPTIONS: readonly string[] = [
  'validate',
  'exceptionFactory',
] satisfies (keyof ContractOptions)[];

function readEntries<Schemas>(
  owner: string,
  definition: unknown,
  read: (given: unknown, at: string) => Schemas,
): ReadonlyMap<string, ContractEntry<Schemas>> {
  const given = Object.entries(readObject<object>(`argument of ${owner}`, definition));
  return new Map(
    given.map(([name, value]) => {
      const schemas = read(value, `"${shorten(name)}" in ${owner}`);
      return [name, { name, pattern: readName(name, owner), schemas }];
    }),
  );
}

/** A name must be one that can be published to. */
function readName(name: string, owner: string): ChannelPattern {
  const pattern = ChannelPattern.parse(name);
  if (pattern.kind === 'channel' || isTemplate(pattern)) return pattern;
  throw new InvalidChannelError(
    `Expected a channel without a glob in ${owner}, got "${shorten(name)}": nothing can be published to a glob`,
  );
}

function isTemplate({ source, params }: ChannelPattern): boolean {
  try {
    buildChannel(source, Object.fromEntries(params.map((param) => [param, 'x'])));
    return true;
  } catch {
    return false;
  }
}

function readObject<T extends object>(name: string, value: unknown): T {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as T;
  throw new InvalidOptionError(name, 'an object', value);
}
