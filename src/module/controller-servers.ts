import type { Logger } from '@nestjs/common';
import { ServerRedis } from '@nestjs/microservices';
import type { RedisPubSubServer } from '../transport/server/redis-pubsub.server.js';
import { namesWithModules, type FoundHandler } from './handler-names.js';

/** A server to which Nest gives the handlers in controllers, and whose messages come from Redis. */
export type ControllerServer = RedisPubSubServer | ServerRedis;

/** The servers of an application that take the handlers in controllers: two on one Redis run each of them twice. */
export class ControllerServers {
  readonly #logger: Logger;
  readonly #handlersFor: (transportId: unknown) => readonly FoundHandler[];
  readonly #servers = new Set<ControllerServer>();

  /** `handlersFor` returns the handlers that a server with this transport id takes. */
  constructor(logger: Logger, handlersFor: (transportId: unknown) => readonly FoundHandler[]) {
    this.#logger = logger;
    this.#handlersFor = handlersFor;
  }

  /** Adds servers, and logs a warning if one of them runs what another one runs, too. */
  add(servers: readonly ControllerServer[]): void {
    const fresh = servers.filter((server) => !this.#servers.has(server));
    for (const server of fresh) this.#servers.add(server);
    this.#warnOfSameId(fresh);
    this.#warnOfOtherIds(fresh);
  }

  #warnOfSameId(fresh: readonly ControllerServer[]): void {
    const same = fresh.find((server) =>
      this.#othersThan(server).some(({ transportId }) => transportId === server.transportId),
    );
    if (!same) return;
    const found = this.#inControllers(same.transportId);
    if (found.length === 0) return;
    this.#logger.warn(
      `The application listens with another RedisPubSubServer of the same transportId as well: handlers in controllers run twice for each message, if that is on the same Redis: ${namesWithModules(found)}. Connect one of them, or give each a transportId and name it in the decorators`,
    );
  }

  #warnOfOtherIds(fresh: readonly ControllerServer[]): void {
    const others = fresh.filter((server) =>
      this.#othersThan(server).some(({ transportId }) => transportId !== server.transportId),
    );
    const [first] = others;
    if (!first) return;
    const found = this.#inControllers(first.transportId).filter(({ isForAll }) => isForAll);
    if (found.length === 0) return;
    const isBuiltIn = others.some((server) => server instanceof ServerRedis);
    const other = isBuiltIn ? 'Transport.REDIS' : 'another RedisPubSubServer';
    this.#logger.warn(
      `The application listens with ${other} as well: handlers in controllers that name no transport run twice for each message, if that is on the same Redis: ${namesWithModules(found)}. Name the transport in their decorators, as in @EventPattern('x', REDIS_PUBSUB)`,
    );
  }

  #othersThan(server: ControllerServer): ControllerServer[] {
    return [...this.#servers].filter((other) => other !== server);
  }

  #inControllers(transportId: unknown): FoundHandler[] {
    return this.#handlersFor(transportId).filter(({ place }) => place === 'controllers');
  }
}
