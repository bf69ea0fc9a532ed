import { ValidationPipe, type Type, type ValidationPipeOptions } from '@nestjs/common';
import { isError } from '../shared/is-error.js';
import { InvalidOptionError } from '../errors.js';
import type { Schema, SchemaIssue, SchemaResult } from './schema.js';

/** The schema of a class, as {@link dto} makes it. */
export interface DtoSchema<T> extends Schema<T, T> {
  /** The class. */
  readonly type: Type<T>;
}

/** Options of {@link dto}: those of a `ValidationPipe` that are about the validation itself. */
export type DtoOptions = Omit<
  ValidationPipeOptions,
  | 'transform'
  | 'exceptionFactory'
  | 'errorHttpStatusCode'
  | 'expectedType'
  | 'disableErrorMessages'
  | 'validateCustomDecorators'
>;

/** A `ValidationError` of class-validator, as far as it is read here. */
interface FieldError {
  readonly property?: string;
  readonly constraints?: Readonly<Record<string, string>>;
  readonly children?: readonly FieldError[];
}

/** Carries the issues out of the pipe. */
class Refusal extends Error {
  constructor(readonly issues: readonly SchemaIssue[]) {
    super();
  }
}

/**
 * Makes a schema of a class with the decorators of class-validator. Nest's `ValidationPipe` validates, and loads
 * class-validator and class-transformer, which the application has to install. A handler receives an instance of the
 * class. The validation is asynchronous.
 *
 * @throws InvalidOptionError for a value that is no class
 */
export function dto<T extends object>(type: Type<T>, options: DtoOptions = {}): DtoSchema<T> {
  if (typeof type !== 'function') throw new InvalidOptionError('argument of dto', 'a class', type);
  const pipe = new ValidationPipe({
    ...options,
    transform: true,
    exceptionFactory: (errors: FieldError[]) => new Refusal(issuesOf(errors, [])),
  });
  const validate = async (value: unknown): Promise<SchemaResult<T>> => {
    try {
      return { value: (await pipe.transform(value, { type: 'body', metatype: type })) as T };
    } catch (error) {
      if (isError(error) && error instanceof Refusal) return { issues: error.issues };
      throw error;
    }
  };
  return { type, '~standard': { version: 1, vendor: 'class-validator', validate } };
}

function issuesOf(errors: readonly FieldError[], above: readonly string[]): SchemaIssue[] {
  return errors.flatMap(({ property, constraints = {}, children = [] }) => {
    const path = property === undefined ? above : [...above, property];
    const own = Object.values(constraints).map((message) => ({ message, path }));
    return [...own, ...issuesOf(children, path)];
  });
}
