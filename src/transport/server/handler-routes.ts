import type { DecoratedMethod } from '../nest-internals.js';
import { assertOnlyMember } from './group-members.js';
import type { HandlerRoute } from './handler-route.js';

/** The handlers of a server. */
export class HandlerRoutes {
  readonly #routes = new Set<HandlerRoute>();
  readonly #fresh = new Set<HandlerRoute>();

  /** Whether there are handlers that {@link takeFresh} has not returned. */
  get hasFresh(): boolean {
    return this.#fresh.size > 0;
  }

  /** All handlers. */
  get all(): Iterable<HandlerRoute> {
    return this.#routes;
  }

  /** Gives the handlers the names of their methods. */
  name(methods: readonly DecoratedMethod[]): void {
    const names = new Map(methods.map(({ extras, name }) => [extras, name]));
    for (const route of this.#routes) route.method ??= names.get(route.handler.extras);
  }

  /** Returns the handlers that are not subscribed yet, each once. */
  takeFresh(): HandlerRoute[] {
    const fresh = [...this.#fresh];
    this.#fresh.clear();
    return fresh;
  }

  /**
   * Adds a handler. Of several request handlers for one channel the last one is used, as in Nest's own
   * transports; returns whether there was another one. Throws `InvalidOptionError` if another handler of its group
   * has the same messages.
   */
  add(route: HandlerRoute): boolean {
    const replaced = route.isEventHandler ? [] : this.#requestHandlersLike(route);
    for (const other of replaced) {
      other.close();
      this.#routes.delete(other);
      this.#fresh.delete(other);
    }
    assertOnlyMember(route, this.#routes);
    this.#routes.add(route);
    this.#fresh.add(route);
    return replaced.length > 0;
  }

  /** Unsubscribes all handlers, and drops the messages that wait for them. */
  close(): void {
    for (const route of this.#routes) {
      route.close();
      route.dropWaiting();
      this.#fresh.add(route);
    }
  }

  #requestHandlersLike({ pattern: { source }, key: { kind } }: HandlerRoute): HandlerRoute[] {
    return [...this.#routes].filter(
      (route) =>
        !route.isEventHandler &&
        route.pattern.source === source &&
        // A shard channel and a classic channel of one name are two channels.
        route.key.kind === kind,
    );
  }
}
