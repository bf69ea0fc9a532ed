import type { INestApplication } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { AdapterFactory } from './create-adapter.js';
import type { SocketIoAdapterOptions } from './options.js';

/**
 * The `IoAdapter` of Nest whose gateways reach the sockets of all instances, over the connections of the application's
 * `RedisPubSubModule`. Pass it to `useWebSocketAdapter` before the application is initialized.
 *
 * @see https://docs.nestjs.com/websockets/adapter
 */
export class RedisPubSubIoAdapter extends IoAdapter {
  readonly #adapters: AdapterFactory;

  /** Throws `InvalidOptionError` for a wrong option, and where the application has no module, or several. */
  constructor(app: INestApplication, options: SocketIoAdapterOptions = {}) {
    super(app);
    this.#adapters = new AdapterFactory(app, options);
  }

  /** Creates a Socket.IO server. Nest calls it for each port. */
  override createIOServer(
    port: number,
    options?: Parameters<IoAdapter['createIOServer']>[1],
  ): ReturnType<IoAdapter['createIOServer']> {
    const { create: adapter } = this.#adapters;
    return super.createIOServer(port, { ...options, adapter } as typeof options);
  }

  /** Closes what a server that Nest leaves open, as with `forceCloseConnections`, would keep. */
  override async dispose(): Promise<void> {
    await super.dispose();
    this.#adapters.closeAll();
  }
}
