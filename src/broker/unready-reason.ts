import type { Redis } from 'ioredis';

/** Says how far the attempt of a client got that was not ready within a time, in milliseconds. */
export function unreadyReason({ status, stream }: Redis, timeoutMs: number): string {
  const within = `within ${timeoutMs} ms`;
  if (status === 'end') return 'the connection has ended';
  if (status === 'connect') {
    const what = stream.bytesRead === 0 ? 'no answer to the first command' : 'not ready';
    return `connected, but ${what} ${within}`;
  }
  if (status === 'connecting' && isShakingHands(stream)) {
    return `connected, but the TLS handshake has not ended ${within}`;
  }
  return `no attempt to connect has ended ${within}`;
}

/** ioredis says that it has connected after the TLS handshake only. */
function isShakingHands(stream: Redis['stream'] | undefined): boolean {
  return stream !== undefined && 'encrypted' in stream && stream.remotePort !== undefined;
}
