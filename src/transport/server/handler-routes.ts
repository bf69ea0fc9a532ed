import type { HandlerRoute } from './handler-route.js';

/** The handlers of a server. */
export class HandlerRoutes {
  readonly #routes = new Set<HandlerRoute>();

  [Symbol.iterator](): IterableIterator<HandlerRoute> {
    return this.#routes.values();
  }

  /** Those that do not listen yet. */
  get fresh(): HandlerRoute[] {
    return [...this.#routes].filter(({ isListening }) => !isListening);
  }

  /** As with Nest's own transports the last one of several request handlers wins; returns whether there was another. */
  add(route: HandlerRoute): boolean {
    const rivals = route.isEventHandler ? [] : this.#rivalsOf(route);
    for (const rival of rivals) {
      rival.close();
      this.#routes.delete(rival);
    }
    this.#routes.add(route);
    return rivals.length > 0;
  }

  #rivalsOf({ pattern: { source }, isSharded }: HandlerRoute): HandlerRoute[] {
    return [...this.#routes].filter(
      (route) =>
        !route.isEventHandler &&
        route.pattern.source === source &&
        // A shard channel is another one, whatever its name.
        route.isSharded === isSharded,
    );
  }
}
