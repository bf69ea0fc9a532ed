import { isError } from './is-error.js';
import { messageOf } from './printable.js';

/**
 * A thrown value as an error: the value itself, or an error with its text, whose `cause` is the value. Monitoring tools
 * leave out what is no error, or record no failure at all. Never throws.
 */
export function toError(thrown: unknown): Error {
  return isReadableError(thrown) ? thrown : new Error(messageOf(thrown), { cause: thrown });
}

/** The traps of a `Proxy` may throw. */
function isReadableError(value: unknown): value is Error {
  try {
    return isError(value);
  } catch {
    return false;
  }
}
