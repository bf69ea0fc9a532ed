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

/** What receives values, such as an RxJS subscriber. */
interface Receiver<T> {
  next(value: T): void;
  error(error: unknown): void;
  complete(): void;
}

/**
 * The context that is current when it is created, for later calls: `runInAsyncScope` runs a function in it. The
 * methods for receivers need no closure for each value.
 */
export class CallerContext extends AsyncResource {
  constructor() {
    super(NAME);
  }

  next<T>(receiver: Receiver<T>, value: T): void {
    this.runInAsyncScope(next as typeof next<T>, undefined, receiver, value);
  }

  error(receiver: Receiver<never>, error: unknown): void {
    this.runInAsyncScope(fail, undefined, receiver, error);
  }

  complete(receiver: Receiver<never>): void {
    this.runInAsyncScope(complete, undefined, receiver);
  }
}

function next<T>(receiver: Receiver<T>, value: T): void {
  receiver.next(value);
}

function fail(receiver: Receiver<never>, error: unknown): void {
  receiver.error(error);
}

function complete(receiver: Receiver<never>): void {
  receiver.complete();
}
