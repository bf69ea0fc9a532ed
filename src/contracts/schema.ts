import { isPromise } from 'node:util/types';
import { withoutPayload } from '../errors.js';

/**
 * A schema as Standard Schema defines it: those of Zod, Valibot and ArkType are, and {@link dto} makes one of a class.
 * This package reads the part below, and needs none of these libraries.
 *
 * @see https://standardschema.dev
 */
export interface Schema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    /** The name of the library. */
    readonly vendor: string;
    /** Returns the value, or what is wrong with it. It may be asynchronous. */
    validate(value: unknown): SchemaResult<Output> | Promise<SchemaResult<Output>>;
    /** The types before and after the validation. They exist for the compiler alone. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
    /** Present if the library can describe the schema (Standard JSON Schema). It may throw. */
    readonly jsonSchema?: {
      input(options: { readonly target: string }): Record<string, unknown>;
      output(options: { readonly target: string }): Record<string, unknown>;
    };
  };
}

/** What a {@link Schema} makes of a value. */
export type SchemaResult<Output = unknown> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** One thing that is wrong with a value. */
export interface SchemaIssue {
  readonly message: string;
  /** The keys that lead to the part, from the outside. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The type of a value before a schema has validated it: what is published. */
export type InputOf<S extends Schema> = NonNullable<S['~standard']['types']>['input'];

/** The type of a value that a schema has validated: what a handler receives. */
export type OutputOf<S extends Schema> = NonNullable<S['~standard']['types']>['output'];

/** A JSON Schema. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Whether a value is a schema. Those of ArkType are functions. */
export function isSchema(value: unknown): value is Schema {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
  if (!isObject) return false;
  const standard: unknown = Reflect.get(value, '~standard');
  return (
    typeof standard === 'object' &&
    standard !== null &&
    typeof Reflect.get(standard, 'validate') === 'function'
  );
}

/** Validates a value. Throws what a schema throws, without the payload that `JSON.parse` and `BigInt` quote. */
export function validate<S extends Schema>(
  schema: S,
  value: unknown,
): SchemaResult<OutputOf<S>> | Promise<SchemaResult<OutputOf<S>>> {
  try {
    const result = schema['~standard'].validate(value);
    return isPromise(result) ? result.catch(throwWithoutPayload) : result;
  } catch (error) {
    return throwWithoutPayload(error);
  }
}

function throwWithoutPayload(error: unknown): never {
  throw withoutPayload(error);
}

/** Calls `next` with a value now, or when it is there: a synchronous schema costs no promise. */
export function chain<T, R>(value: T | Promise<T>, next: (value: T) => R): R | Promise<R> {
  return isPromise(value) ? value.then(next) : next(value);
}

/** The JSON Schema of the values that are published, if the library can tell it. */
export function jsonSchemaOf(schema: Schema, target: string): JsonSchema | undefined {
  try {
    return schema['~standard'].jsonSchema?.input({ target });
  } catch {
    // A part of the schema has no form in JSON Schema, such as a function of the application.
    return undefined;
  }
}
