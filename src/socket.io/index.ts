export { createAdapter, type SocketIoAdapterFactory } from './create-adapter.js';
export type { OnSocketGap, SocketGap, SocketIoAdapterOptions } from './options.js';
export { RedisPubSubIoAdapter } from './redis-pubsub-io.adapter.js';
