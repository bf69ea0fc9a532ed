import type { INestApplicationContext } from '@nestjs/common';
import type { Adapter } from 'socket.io-adapter';
import { runOutside } from '../shared/async-context.js';
import { findBus } from './find-bus.js';
import { resolveAdapterOptions, type SocketIoAdapterOptions } from './options.js';
import { RedisPubSubAdapter } from './redis-pubsub.adapter.js';
import type { SocketNamespace } from './socket-namespace.js';

/** Creates the adapter of a namespace: the option `adapter` of a Socket.IO `Server`. */
export type SocketIoAdapterFactory = (namespace: Adapter['nsp']) => Adapter;

/** Creates the adapters of an application, and remembers those that are open. */
export class AdapterFactory {
  readonly #open = new Set<RedisPubSubAdapter>();
  readonly create: SocketIoAdapterFactory;

  /** Throws `InvalidOptionError` for a wrong option, and where the application has no module. */
  constructor(app: INestApplicationContext, given: SocketIoAdapterOptions) {
    const options = resolveAdapterOptions(given);
    const bus = findBus(app, options.transportId);
    const open = this.#open;
    // Not an arrow function: Socket.IO calls it with `new`.
    this.create = function createRedisPubSubAdapter(namespace: SocketNamespace): Adapter {
      return runOutside(() => {
        const onClose = (it: RedisPubSubAdapter): void => void open.delete(it);
        const adapter = new RedisPubSubAdapter(namespace, bus, options, onClose);
        open.add(adapter);
        // Socket.IO calls it since 4.8.2.
        adapter.init();
        return adapter;
      });
    };
  }

  /** Closes all adapters. */
  closeAll(): void {
    for (const adapter of this.#open) adapter.close();
  }
}

/**
 * Creates adapters for a Socket.IO `Server` that is no gateway of Nest, over the connections of the application's
 * `RedisPubSubModule`. The server of a process without clients is an emitter. Close it before the application.
 *
 * @throws InvalidOptionError for a wrong option, and where the application has no module, or several
 * @see https://socket.io/docs/v4/adapter/
 */
export function createAdapter(
  app: INestApplicationContext,
  options: SocketIoAdapterOptions = {},
): SocketIoAdapterFactory {
  return new AdapterFactory(app, options).create;
}
