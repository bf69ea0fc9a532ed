import { isPromise } from 'node:util/types';

/**
 * Returns what a function of the user gave. Throws a `TypeError` for a promise, which would be sent, or
 * handled, in the place of what it comes to.
 */
export function synchronous<T>(name: string, given: T): T {
  if (!isPromise(given)) return given;
  // Nobody looks at it any more: what it rejects with would end the process.
  given.catch(() => undefined);
  throw new TypeError(`Expected ${name} to be synchronous, got a promise`);
}
