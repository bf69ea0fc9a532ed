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
export function runIsolated<This, Args extends unknown[], Result>(
  work: (this: This, ...args: Args) => Result,
  thisArg?: This,
  ...args: Args
): Result {
  return new AsyncResource(NAME).runInAsyncScope(work, thisArg, ...args);
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

/** A {@link CallerContext} of several callers with the same stores: a process may hold half a million. */
export class SharedContext extends CallerContext {
  /** A strong reference would keep the stores of a request alive. */
  static #latest: WeakRef<SharedContext> | undefined;

  /** The current context. Successive callers with the same stores share it. */
  static current(): SharedContext {
    const current = new SharedContext();
    const latest = this.#latest?.deref();
    if (latest && hasSameStores(latest, current)) return latest;
    this.#latest = new WeakRef(current);
    return current;
  }

  // In a copy, as `runIsolated` does: `enterWith` must not change the context of the others that share it.
  override runInAsyncScope<This, Args extends unknown[], Result>(
    work: (this: This, ...args: Args) => Result,
    thisArg?: This,
    ...args: Args
  ): Result {
    return super.runInAsyncScope(
      runIsolated<This, Args, Result>,
      undefined,
      work,
      thisArg,
      ...args,
    );
  }
}

/** The properties of a resource that are different in each. */
const IDS = new Set(['async_id_symbol', 'trigger_async_id_symbol']);

/**
 * Whether Node keeps the stores of `AsyncLocalStorage` in properties of a resource: one for each storage in Node 20
 * and 22, and one for all of them in Node 24. Read in Node 20.20, 22.23 and 24.21.
 */
const KEEPS_STORES_IN_PROPERTIES = symbolsOf(OUTSIDE).some(
  ({ description }) =>
    description === 'context_frame' ||
    (description === 'async_id_symbol' && process.versions.node.startsWith('20.')),
);

/** Whether two contexts certainly have the same stores. Node has no method for that. */
function hasSameStores(one: AsyncResource, other: AsyncResource): boolean {
  if (!KEEPS_STORES_IN_PROPERTIES) return false;
  const symbols = symbolsOf(one);
  if (symbols.length !== symbolsOf(other).length) return false;
  return symbols.every(
    (symbol) =>
      // A storage without a value has a property, too.
      symbol in other &&
      (valueOf(one, symbol) === valueOf(other, symbol) || IDS.has(symbol.description ?? '')),
  );
}

function symbolsOf(resource: AsyncResource): symbol[] {
  return Object.getOwnPropertySymbols(resource);
}

function valueOf(resource: AsyncResource, symbol: symbol): unknown {
  return (resource as unknown as Record<symbol, unknown>)[symbol];
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
