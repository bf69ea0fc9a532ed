import { isRecord } from '../../codec/envelope-codec.js';
import { INTERNAL_ERROR } from '../nest-internals.js';
import { isError } from '../../shared/is-error.js';

/**
 * Returns a reply whose errors are objects with `message` and `code`, never with a stack: JSON writes an `Error` as
 * `{}`. Those are its `err`, errors inside of that, and a handler's result that is an `Error`. The reply itself
 * stays as it is. Never throws.
 */
export function withPlainErrors(reply: unknown): unknown {
  try {
    if (!isRecord(reply)) return reply;
    const { err, response } = reply;
    if (isError(response)) return Object.assign({}, reply, { response: toReply(response) });
    if (typeof err !== 'object' || err === null) return reply;
    const plain = toReply(err);
    return plain === err ? reply : Object.assign({}, reply, { err: plain });
  } catch {
    // An object of the application that cannot be read: the codec refuses it, and says where it is.
    return reply;
  }
}

/** The form that Nest gives to the text of an `RpcException` has this status. */
function toReply(error: unknown): unknown {
  const { status } = INTERNAL_ERROR;
  if (!isError(error)) return withoutErrors(error, new Map());
  const given = errorInside(error);
  if (typeof given === 'string') return { status, message: given };
  return isError(given) ? { status, ...toPlain(given) } : withoutErrors(given, new Map());
}

/** What an `RpcException` was made with, if a filter passes it on as it is. */
function errorInside(error: Error): unknown {
  const getError: unknown = Reflect.get(error, 'getError');
  return typeof getError === 'function' ? (Reflect.apply(getError, error, []) ?? error) : error;
}

function toPlain(error: Error): object {
  const code: unknown = Reflect.get(error, 'code');
  const given: unknown = Reflect.get(error, 'message');
  const message = String(given);
  return typeof code === 'string' || typeof code === 'number' ? { message, code } : { message };
}

/** The same value if there is no error in it. `known` has the objects that were seen, since they may be circular. */
function withoutErrors(value: unknown, known: Map<object, unknown>): unknown {
  if (isError(value)) return toPlain(value);
  if (!isPlain(value)) return value;
  if (known.has(value)) return known.get(value);
  known.set(value, value);
  const entries = Object.entries(value);
  const plain = entries.map(([key, field]) => [key, withoutErrors(field, known)] as const);
  if (entries.every(([, field], i) => Object.is(field, plain[i]?.[1]))) return value;
  const copy = Array.isArray(value) ? plain.map(([, field]) => field) : Object.fromEntries(plain);
  known.set(value, copy);
  return copy;
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}
