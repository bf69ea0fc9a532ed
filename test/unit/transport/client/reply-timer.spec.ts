import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ReplyInbox } from '../../../../src/transport/client/reply-inbox.js';
import { ReplyTimer } from '../../../../src/transport/client/reply-timer.js';
import { pass, useFakeClock, useRealClock } from '../../broker/fake-client.js';

const KEY = { kind: 'channel', name: 'inbox' } as const;

function bench(timeoutMs = 1_000) {
  const reads: (() => void)[] = [];
  const inbox = { whenRead: (_: unknown, onRead: () => void) => reads.push(onRead) };
  const onTimeout = vi.fn<() => void>();
  const options = { replyKey: KEY, timeoutMs };
  const timer = new ReplyTimer(inbox as unknown as ReplyInbox, options, onTimeout);
  timer.start();
  /** Everything that has arrived is handed on. */
  const read = (): void => reads.splice(0).forEach((onRead) => onRead());
  return { timer, onTimeout, read };
}

beforeEach(useFakeClock);
afterEach(useRealClock);

describe('ReplyTimer', () => {
  it('judges when everything that has arrived is handed on, and not before', async () => {
    const { onTimeout, read } = bench();
    await pass(1_000);
    expect(onTimeout).not.toHaveBeenCalled();
    read();
    expect(onTimeout).toHaveBeenCalledOnce();
  });

  it('waits as long again for a reply that was handed on at its limit', async () => {
    const { timer, onTimeout, read } = bench();
    await pass(1_000);
    timer.restart();
    read();
    await pass(999);
    read();
    expect(onTimeout).not.toHaveBeenCalled();
    await pass(1);
    read();
    expect(onTimeout).toHaveBeenCalledOnce();
  });

  it('does not judge after it was stopped at its limit', async () => {
    const { timer, onTimeout, read } = bench();
    await pass(1_000);
    timer.stop();
    read();
    expect([onTimeout.mock.calls, vi.getTimerCount()]).toEqual([[], 0]);
  });

  it('has no timer with the limit 0', async () => {
    const { onTimeout } = bench(0);
    await pass(1_000_000);
    expect([onTimeout.mock.calls, vi.getTimerCount()]).toEqual([[], 0]);
  });
});
