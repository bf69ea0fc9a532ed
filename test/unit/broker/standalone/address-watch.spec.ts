import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WatchedConnection } from '../../../../src/broker/connection/server-watch.js';
import type { ServerIdentity } from '../../../../src/broker/connection/server-identity.js';
import { AddressWatch } from '../../../../src/broker/standalone/address-watch.js';
import {
  FakeClient,
  FakeLog,
  pass,
  replyError,
  useFakeClock,
  useRealClock,
} from '../fake-client.js';

const INTERVAL_MS = 1_000;

/** A watch, and the server that answers at its address. */
class Bench {
  readonly log = new FakeLog();
  readonly reasons: string[] = [];
  asked = 0;
  now: () => ServerIdentity = () => ({ runId: 'a', role: 'master' });
  readonly watch = new AddressWatch({
    intervalMs: INTERVAL_MS,
    address: 'redis.example:6379',
    ask: async () => {
      this.asked++;
      return this.now();
    },
    log: this.log,
  });

  /** Adds a connection to a server. */
  connect(here: () => ServerIdentity, client = new FakeClient()): WatchedConnection {
    client.status = 'ready';
    client.onCommand = ({ name, args: [section], resolve, reject }) => {
      const { runId, role } = here();
      const text = section === 'server' ? runId && `run_id:${runId}` : role && `role:${role}`;
      if (name === 'INFO' && text) resolve(`# ${String(section)}\r\n${text}\r\nx:y\r\n`);
      else if (name === 'ROLE' && role) resolve([role === 'master' ? role : 'slave', 1]);
      else reject(replyError('NOPERM'));
    };
    return this.watch.watch(client.redis, (reason) => this.reasons.push(reason));
  }
}

const server =
  (runId: string, role: 'master' | 'replica' = 'master') =>
  () => ({ runId, role });

beforeEach(useFakeClock);
afterEach(useRealClock);

describe('AddressWatch', () => {
  it('asks once in an interval, and not after the last connection is gone', async () => {
    const bench = new Bench();
    const watched = [bench.connect(server('a')), bench.connect(server('a'))];
    await pass(INTERVAL_MS * 0.75 - 1);
    expect(bench.asked).toBe(0);
    await pass(INTERVAL_MS * 0.25 + 1);
    expect(bench.asked).toBe(1);
    await pass(9 * INTERVAL_MS);
    expect(bench.asked).toBeGreaterThanOrEqual(10);
    expect(bench.asked).toBeLessThanOrEqual(14);
    await watched[0]!.stop();
    const before = bench.asked;
    await pass(INTERVAL_MS);
    expect(bench.asked).toBeGreaterThan(before);
    await watched[1]!.stop();
    const last = bench.asked;
    await pass(10 * INTERVAL_MS);
    expect([bench.asked, bench.reasons]).toEqual([last, []]);
  });

  it('is confirmed until now, and once another server answers until the last check before', async () => {
    const bench = new Bench();
    const watched = bench.connect(server('a'));
    await pass(10 * INTERVAL_MS);
    expect(watched.lastConfirmed).toEqual(new Date());
    bench.now = server('b');
    const before = new Date();
    await pass(INTERVAL_MS);
    expect(bench.reasons).toHaveLength(1);
    expect(watched.lastConfirmed.getTime()).toBeLessThanOrEqual(before.getTime());
    expect(watched.lastConfirmed.getTime()).toBeGreaterThan(before.getTime() - INTERVAL_MS);
  });

  it.each<[string, () => ServerIdentity, () => ServerIdentity, number]>([
    ['the same server', server('a'), server('a'), 0],
    ['another master', server('a'), server('b'), 1],
    ['another server that does not tell its role', server('a'), () => ({ runId: 'b' }), 1],
    ['a replica instead of a master', server('a'), server('b', 'replica'), 0],
    ['a replica instead of another one', server('a', 'replica'), server('b', 'replica'), 1],
    ['a server that tells nothing', server('a'), () => ({}), 0],
    ['a server after one that told nothing', () => ({}), server('b'), 0],
  ])('with %s at the address replaces as many connections: %#', async (_, here, now, count) => {
    const bench = new Bench();
    bench.connect(here);
    bench.now = now;
    await pass(INTERVAL_MS);
    expect(bench.reasons).toHaveLength(count);
  });

  it('replaces nothing when an answer does not come in time, or fails', async () => {
    const bench = new Bench();
    const client = new FakeClient();
    bench.connect(server('a'), client);
    bench.now = () => {
      throw new Error('ECONNREFUSED');
    };
    await pass(5 * INTERVAL_MS);
    client.onCommand = () => undefined;
    bench.now = server('a');
    await pass(10 * INTERVAL_MS);
    expect([bench.reasons, bench.log.lines]).toEqual([[], []]);
  });

  it('stops checking, with one line, when each check finds another server', async () => {
    const bench = new Bench();
    // The three connections of one check agree, and those of the next check do not agree with them.
    bench.now = () => ({ runId: String(Math.ceil(bench.asked / 3)), role: 'master' });
    for (let i = 0; i < 20; i++) {
      const watched = bench.connect(server('former'));
      await pass(INTERVAL_MS);
      await watched.stop();
    }
    expect(bench.log.lines.filter((line) => line.includes('Several servers'))).toHaveLength(1);
    expect(bench.reasons).toHaveLength(2);
  });

  it('refuses a replica for a client that had a master, and for no other', async () => {
    const bench = new Bench();
    const [first, second] = [new FakeClient(), new FakeClient()];
    bench.connect(server('a'), first);
    await pass(0);
    expect(bench.watch.refuse(first.redis, { role: 'slave', run_id: 'a' })).toContain(
      'was a master, and is a replica now; waiting for a master',
    );
    expect(bench.watch.refuse(first.redis, { role: 'master' })).toBeUndefined();
    expect(bench.watch.refuse(first.redis, {})).toBeUndefined();
    expect(bench.watch.refuse(second.redis, { role: 'slave' })).toBeUndefined();
  });
});
