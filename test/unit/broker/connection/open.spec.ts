import { describe, expect, it } from 'vitest';
import type { Connection } from '../../../../src/broker/connection/connection.js';
import {
  openDiscovered,
  openInBackground,
  type NodeDiscovery,
} from '../../../../src/broker/connection/open.js';
import { ClosedError, ConnectionError } from '../../../../src/errors.js';
import { Lifecycle } from '../../../../src/shared/lifecycle.js';

const MIN_CONNECT_MS = 3_000;

function bench(discover: (timeoutMs: number) => Promise<void>, outcome = Promise.resolve()) {
  const lifecycle = new Lifecycle();
  const timeouts: number[] = [];
  const connection = {
    lifecycle,
    open: (timeoutMs: number) => {
      timeouts.push(timeoutMs);
      return outcome;
    },
  } as unknown as Connection;
  const discovery: NodeDiscovery = { minConnectMs: MIN_CONNECT_MS, discover };
  return { lifecycle, timeouts, connection, discovery };
}

describe('openDiscovered', () => {
  it('opens with the timeout itself where there is nothing to discover', async () => {
    const { connection, timeouts } = bench(() => Promise.resolve());
    await openDiscovered(connection, undefined, 5);
    expect(timeouts).toEqual([5]);
  });

  it.each([
    [0, MIN_CONNECT_MS],
    [2_999, MIN_CONNECT_MS],
    [3_001, 3_001],
  ])('with a timeout of %i ms opens after the discovery with %i ms', async (timeout, expected) => {
    const asked: number[] = [];
    const { connection, discovery, timeouts } = bench(async (timeoutMs) => {
      asked.push(timeoutMs);
      expect(timeouts).toEqual([]);
    });
    await openDiscovered(connection, discovery, timeout);
    expect([asked, timeouts]).toEqual([[timeout], [expected]]);
  });

  it('rejects as the connection does', async () => {
    const failure = Promise.reject(new ConnectionError('no'));
    const { connection, discovery } = bench(() => Promise.resolve(), failure);
    await expect(openDiscovered(connection, discovery, 0)).rejects.toThrow('no');
  });

  it('rejects with the failure of the discovery, and opens all the same', async () => {
    const failure = new ConnectionError('No node is reachable');
    const opened = Promise.reject(new Error('not seen'));
    const { connection, discovery, timeouts } = bench(() => Promise.reject(failure), opened);
    await expect(openDiscovered(connection, discovery, 7)).rejects.toBe(failure);
    expect(timeouts).toEqual([MIN_CONNECT_MS]);
  });

  it('rejects with an error when the discovery rejects with another value', async () => {
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- A user's code may do this.
    const { connection, discovery } = bench(() => Promise.reject('text'));
    await expect(openDiscovered(connection, discovery, 0)).rejects.toThrow(
      new ConnectionError('text'),
    );
  });

  it('rejects with a ClosedError, and opens nothing, when a close comes during the discovery', async () => {
    const { connection, discovery, timeouts, lifecycle } = bench(async () =>
      lifecycle.markClosed(),
    );
    await expect(openDiscovered(connection, discovery, 0)).rejects.toBeInstanceOf(ClosedError);
    expect(timeouts).toEqual([]);
  });
});

describe('openInBackground', () => {
  it('opens with 30 seconds, and leaves no rejection unhandled', async () => {
    const timeouts: number[] = [];
    openInBackground({
      open: (timeoutMs) => {
        timeouts.push(timeoutMs);
        return Promise.reject(new Error('not seen'));
      },
    });
    await new Promise(setImmediate);
    expect(timeouts).toEqual([30_000]);
  });
});
