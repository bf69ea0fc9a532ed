import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { unreadyReason } from '../../../../src/broker/connection/ready-wait.js';

const CONNECTED = { remotePort: 6379, bytesRead: 0 };

describe('the reason why a client is not ready', () => {
  it.each([
    ['wait', undefined, 'no attempt to connect has ended within 50 ms'],
    ['connecting', undefined, 'no attempt to connect has ended within 50 ms'],
    ['connecting', { encrypted: true }, 'no attempt to connect has ended within 50 ms'],
    ['connecting', CONNECTED, 'no attempt to connect has ended within 50 ms'],
    [
      'connecting',
      { ...CONNECTED, encrypted: true },
      'connected, but the TLS handshake has not ended within 50 ms',
    ],
    ['connect', CONNECTED, 'connected, but no answer to the first command within 50 ms'],
    ['connect', { ...CONNECTED, bytesRead: 1 }, 'connected, but not ready within 50 ms'],
    ['end', undefined, 'the connection has ended'],
  ])('is what is known at "%s" with %o', (status, stream, reason) => {
    expect(unreadyReason({ status, stream } as unknown as Redis, 50)).toBe(reason);
  });
});
