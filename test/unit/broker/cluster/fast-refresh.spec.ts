import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FastRefresh } from '../../../../src/broker/cluster/fast-refresh.js';
import { pass, useFakeClock, useRealClock } from '../fake-client.js';
import { FakeTopology } from './fake-topology.js';

describe('FastRefresh', () => {
  let topology: FakeTopology;
  let isNeeded: boolean;
  let refresh: FastRefresh;
  beforeEach(() => {
    useFakeClock();
    topology = new FakeTopology();
    isNeeded = true;
    refresh = new FastRefresh(topology.topology, () => isNeeded);
  });
  afterEach(() => {
    refresh.stop();
    useRealClock();
  });

  it('refreshes 250 ms after its start, and again after each answer', async () => {
    refresh.start();
    await pass(249);
    expect(topology.asked).toEqual([]);
    await pass(1);
    expect(topology.asked).toEqual(['refresh']);
    await pass(500);
    expect(topology.asked).toEqual(['refresh', 'refresh', 'refresh']);
  });

  it('waits for an answer before it refreshes again', async () => {
    let answer!: () => void;
    topology.known = new Promise((resolve) => {
      answer = resolve;
    });
    refresh.start();
    await pass(10_000);
    refresh.start();
    await pass(10_000);
    expect(topology.asked).toEqual(['refresh']);
    answer();
    await pass(250);
    expect(topology.asked).toEqual(['refresh', 'refresh']);
  });

  it('has one timer, however often it is started', async () => {
    refresh.start();
    refresh.start();
    await pass(250);
    expect(topology.asked).toEqual(['refresh']);
  });

  it('ends when it is no longer needed', async () => {
    refresh.start();
    await pass(250);
    isNeeded = false;
    await pass(10_000);
    expect(topology.asked).toEqual(['refresh', 'refresh']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not start when it is not needed', async () => {
    isNeeded = false;
    refresh.start();
    await pass(10_000);
    expect(topology.asked).toEqual([]);
  });

  it('refreshes no more after a stop, and again after another start', async () => {
    refresh.start();
    refresh.stop();
    await pass(10_000);
    expect(topology.asked).toEqual([]);
    refresh.start();
    await pass(250);
    expect(topology.asked).toEqual(['refresh']);
  });
});
