import { types } from 'node:util';

/**
 * Whether a value is an error. Also an error of another realm: in Jest the errors of Node itself are no instances of the
 * `Error` that the code sees.
 */
export function isError(value: unknown): value is Error {
  if (typeof value !== 'object' || value === null) return false;
  return value instanceof Error || types.isNativeError(value);
}
