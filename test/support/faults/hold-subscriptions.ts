import type { TcpProxy } from '../tcp-proxy.js';

/** Delays every SUBSCRIBE, PSUBSCRIBE and SSUBSCRIBE, until `proxy.release()` forwards them. */
export function holdSubscriptions(proxy: TcpProxy): void {
  proxy.hold(/subscribe/i);
}
