import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IdleCloses } from '../../../../src/broker/connection/idle-closes.js';
import { FakeLog, pass, useFakeClock, useRealClock } from '../fake-client.js';

describe('IdleCloses', () => {
  let log: FakeLog;
  let closes: IdleCloses;

  beforeEach(() => {
    useFakeClock();
    log = new FakeLog();
    closes = new IdleCloses({ role: 'subscriber', pingInterval: 3_000, log });
  });
  afterEach(useRealClock);

  /** Connections of these ages, one after the other; `traffic` is what each receives just before its end. */
  async function live(ages: readonly number[], traffic = 0): Promise<void> {
    for (const age of ages) {
      const socket = { bytesRead: 10, bytesWritten: 20 };
      closes.opened(socket as Socket);
      await pass(age - 1);
      socket.bytesRead += traffic;
      await pass(1);
      closes.closed(socket as Socket, '10.0.0.1:6379');
    }
  }

  it('says what to set after the third close at a similar age, once', async () => {
    await live([2_000, 2_100]);
    expect(log.lines).toEqual([]);
    await live([1_990, 2_000, 2_000, 2_000, 2_000]);
    expect(log.lines).toEqual([
      'warn: The subscriber connection to 10.0.0.1:6379 was closed 3 times after about 1990 ms without traffic, before the first PING; if a proxy or the server closes idle connections, set "pingInterval" (3000 ms) below 1990',
    ]);
  });

  it.each([
    ['ages that differ', [500, 1_000, 2_000, 500, 1_000, 2_000]],
    ['connections that lived longer than the first PING', [3_000, 3_000, 3_000, 3_000]],
    ['connections that are closed at once', [20, 20, 20, 20]],
    ['two early closes between longer lives', [2_000, 2_000, 9_000, 2_000, 2_000]],
  ])('says nothing about %s', async (_, ages) => {
    await live(ages);
    expect(log.lines).toEqual([]);
  });

  it('says nothing about connections that were in use', async () => {
    await live([2_000, 2_000, 2_000, 2_000], 1);
    expect(log.lines).toEqual([]);
  });
});
