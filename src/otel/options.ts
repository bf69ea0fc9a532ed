import { HttpException } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { InvalidOptionError, PubSubError } from '../errors.js';
import { checkOneOf } from '../options/option-checks.js';
import { unknownName } from '../options/unknown-option.js';
import { withoutText } from '../shared/clean-error.js';

/** How messages are traced and measured. */
export interface PubSubTracingOptions {
  /**
   * How the span of a handler belongs to that of its publisher. `'parent'`: as a child, so that one trace has the whole
   * way. `'link'`: in a trace of its own, with a link, so that a message with many handlers makes no trace too large to
   * read.
   *
   * @defaultValue `'parent'`
   * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
   */
  readonly relation?: 'parent' | 'link';

  /**
   * The names of headers whose values become attributes of both spans, as `messaging.header.<name>`. Anything may be in
   * the others, such as a token.
   *
   * @defaultValue `[]`
   */
  readonly captureHeaders?: readonly string[];

  /**
   * Returns the `error.type` of what a handler threw, or of what a message failed with. With `undefined` it is no error:
   * the span has no error status. It must give few different values: metrics have them, too.
   *
   * @defaultValue `undefined` for an `RpcException` and for an `HttpException` below 500; the `code` of a `PubSubError`;
   *   the name of any other error
   */
  readonly classifyError?: (error: Error) => string | undefined;
}

/** Options that are checked, each with its value. */
export type ResolvedTracingOptions = Required<PubSubTracingOptions>;

const DEFAULTS: ResolvedTracingOptions = {
  relation: 'parent',
  captureHeaders: [],
  classifyError: typeOfError,
};

/** Checks options. Throws `InvalidOptionError`. */
export function resolveTracingOptions(options: PubSubTracingOptions): ResolvedTracingOptions {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidOptionError('options', 'an object', withoutText(options));
  }
  const names = Object.keys(DEFAULTS);
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) throw unknownName('option', unknown, names);
  const {
    relation = DEFAULTS.relation,
    captureHeaders = DEFAULTS.captureHeaders,
    classifyError = DEFAULTS.classifyError,
  } = options;
  if (typeof classifyError !== 'function') {
    throw new InvalidOptionError('classifyError', 'a function', withoutText(classifyError));
  }
  return {
    relation: checkOneOf('relation', relation, ['parent', 'link']),
    captureHeaders: checkNames(captureHeaders),
    classifyError,
  };
}

/** The default of `classifyError`. */
export function typeOfError(error: Error): string | undefined {
  if (error instanceof RpcException) return undefined;
  if (error instanceof HttpException && error.getStatus() < 500) return undefined;
  if (error instanceof PubSubError) return error.code;
  return error.name || '_OTHER';
}

function checkNames(names: unknown): readonly string[] {
  if (Array.isArray(names) && names.every((name) => typeof name === 'string' && name !== '')) {
    return [...(names as string[])];
  }
  throw new InvalidOptionError('captureHeaders', 'an array of names', withoutText(names));
}
