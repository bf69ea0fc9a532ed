import type { Direction, TcpProxy } from '../tcp-proxy.js';

/** Makes the open connections of a proxy half-open; new connections work, so a reconnect recovers. */
export function makeHalfOpen(proxy: TcpProxy, directions?: readonly Direction[]): void {
  proxy.swallow(directions);
  proxy.forward();
}
