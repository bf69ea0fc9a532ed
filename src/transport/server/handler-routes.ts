import type { HandlerRoute } from './handler-route.js';

/** The handlers of a server. */
export class HandlerRoutes {
  readonly #routes = new Set<HandlerRoute>();

  [Symbol.iterator](): IterableIterator<HandlerRoute> {
    return this.#routes.values();
  }

  /** The handlers that are not subscribed yet. */
  get fresh(): HandlerRoute[] {
    return [...this.#routes].filter(({ isListening }) => !isListening);
  }

  /**
   * Adds a handler. Of several request handlers for one channel the last one is used, as in Nest's own
   * transports; returns whether there was another one.
   */
  add(route: HandlerRoute): boolean {
    const replaced = route.isEventHandler ? [] : this.#requestHandlersLike(route);
    for (const other of replaced) {
      other.close();
      this.#routes.delete(other);
    }
    this.#routes.add(route);
    return replaced.length > 0;
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
