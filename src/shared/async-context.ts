import { AsyncResource } from 'node:async_hooks';

const NAME = 'nestjs-redis-pubsub';

/** The context in which this package was loaded: that of no request. */
const OUTSIDE = new AsyncResource(NAME);

/**
 * Runs `work` in the context of no request. What is created for all requests, such as connections and timers, must
 * not be created in the context of the request that needed it first: later callbacks would see its
 * `AsyncLocalStorage`, which would never be freed.
 */
export function runOutside<T>(work: () => T): T {
  return OUTSIDE.runInAsyncScope(runIsolated, undefined, work) as T;
}

/**
 * Runs `work` in a copy of the current context: in Node 20 and 22 `AsyncLocalStorage#enterWith` would
 * change the context of the connection that called, for all later messages.
 */
export function runIsolated<T>(work: () => T): T {
  return new AsyncResource(NAME).runInAsyncScope(work);
}

/** Keeps the current context, for callbacks of the caller: `runInAsyncScope` runs them in it. */
export function captureContext(): AsyncResource {
  return new AsyncResource(NAME);
}
