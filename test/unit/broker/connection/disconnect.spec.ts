import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { disconnect } from '../../../../src/broker/connection/disconnect.js';
import { FakeClient, outcomeOf, pass, useFakeClock, useRealClock } from '../fake-client.js';

describe('disconnect', () => {
  let client: FakeClient;
  beforeEach(() => {
    useFakeClock();
    client = new FakeClient();
  });
  afterEach(useRealClock);

  it('sends QUIT, waits for its answer, and then for the end', async () => {
    client.becomeReady();
    const closed = outcomeOf(disconnect(client.redis));
    await pass(500);
    expect([client.commands, client.disconnects, closed.value]).toEqual([['quit'], 0, undefined]);
    client.sent[0]?.resolve('OK');
    await pass(0);
    expect([client.disconnects, client.status, closed.value]).toEqual([1, 'end', 'resolved']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('disconnects when QUIT fails', async () => {
    client.becomeReady();
    client.onCommand = ({ reject }) => reject(new Error('Connection is closed.'));
    await disconnect(client.redis);
    expect([client.disconnects, client.status]).toEqual([1, 'end']);
  });

  it('destroys the socket when QUIT has no answer within a second', async () => {
    client.becomeReady();
    client.retries = false;
    const closed = outcomeOf(disconnect(client.redis));
    await pass(999);
    expect(client.stream.destroyed).toBe(false);
    await pass(1);
    expect(client.stream.destroyed).toBe(true);
    client.sent[0]?.reject(new Error('Connection is closed.'));
    await pass(0);
    expect(closed.value).toBe('resolved');
  });

  it('sends no QUIT before the connection is ready', async () => {
    client.becomeConnected();
    await disconnect(client.redis);
    expect([client.commands, client.disconnects]).toEqual([[], 1]);
  });

  it('waits for a second at most where there is no socket to destroy', async () => {
    client.startAttempt();
    client.disconnect = () => undefined;
    client.stream.destroyed = true;
    const closed = outcomeOf(disconnect(client.redis));
    await pass(999);
    expect(closed.value).toBeUndefined();
    await pass(1);
    expect(closed.value).toBe('resolved');
  });

  it('does nothing for a client that never connected', async () => {
    await disconnect(client.redis);
    expect([client.commands, client.disconnects]).toEqual([[], 0]);
  });

  it('stops a client between two attempts, and waits for no event', async () => {
    client.startAttempt();
    client.lose();
    expect(client.status).toBe('reconnecting');
    await disconnect(client.redis);
    expect([client.disconnects, vi.getTimerCount()]).toEqual([1, 0]);
  });

  it.each([
    [{}, 0],
    [{ sentinels: [{ host: '10.0.0.9' }] }, 1],
  ])('with %j disconnects a client that has ended %i times', async (options, times) => {
    client = new FakeClient(options);
    client.status = 'end';
    await disconnect(client.redis);
    expect(client.disconnects).toBe(times);
  });
});
