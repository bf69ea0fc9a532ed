import { isPromise } from 'node:util/types';

/**
 * Returns the result of a user's function. Throws a `TypeError` for a promise, which would be sent, or
 * handled, in the place of its value.
 */
export function synchronous<T>(name: string, given: T): T {
  if (!isPromise(given)) return given;
  // A rejection without a handler would end the process.
  given.catch(() => undefined);
  throw new TypeError(`Expected ${name} to be synchronous, got a promise`);
}
