import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import {
  isOfAllSentinels,
  SentinelFailures,
} from '../../../../src/broker/connection/sentinel-failures.js';
import { messageOf } from '../../../../src/errors.js';

const ALL = new Error('All sentinels are unreachable. Retrying from scratch after 10ms.');

function create() {
  const client = new Redis({ lazyConnect: true, sentinels: [{}], name: 'main' });
  const failures = new SentinelFailures(client);
  const connector = Reflect.get(client, 'connector') as {
    connectToSentinel(endpoint: object): Redis;
  };
  /** A sentinel fails, as ioredis reports it. */
  const fail = (port: number, text: string, error?: Error): void => {
    const sentinel = connector.connectToSentinel({ host: 'h', port });
    if (error) sentinel.emit('error', error);
    client.emit('sentinelError', new Error(text));
  };
  const refuse = (port: number): void =>
    fail(
      port,
      `failed to connect to sentinel h:${port} because Connection is closed.`,
      new Error('connect ECONNREFUSED'),
    );
  return { failures, fail, refuse, explain: () => messageOf(failures.explain(ALL)) };
}

describe('SentinelFailures, with the installed ioredis', () => {
  it('names each sentinel with its reason, in the same order in each round', () => {
    const { refuse, explain } = create();
    for (const order of [
      [1, 2],
      [2, 1],
    ]) {
      order.forEach(refuse);
      expect(explain()).toBe(
        'All sentinels are unreachable: h:1: connect ECONNREFUSED, h:2: connect ECONNREFUSED',
      );
    }
  });

  it('names five, and counts the others', () => {
    const { refuse, explain } = create();
    [1, 2, 3, 4, 5, 6, 7].forEach(refuse);
    expect(explain()).toMatch(/h:5: connect ECONNREFUSED and 2 more$/);
  });

  it('has the reply of a server that is no sentinel', () => {
    const { fail, explain } = create();
    fail(1, 'failed to connect to sentinel h:1 because ERR unknown command.');
    expect(explain()).toContain('h:1: ERR unknown command');
  });

  it('says so where a sentinel names no master', () => {
    const { fail, explain } = create();
    fail(1, 'connected to sentinel h:1 successfully, but got an invalid reply: null');
    expect(explain()).toContain('h:1: it does not know this master');
  });

  it('leaves other errors as they are', () => {
    const { failures, refuse } = create();
    refuse(1);
    const other = new Error('read ECONNRESET');
    expect(failures.explain(other)).toBe(other);
    expect([isOfAllSentinels(other), isOfAllSentinels(ALL)]).toEqual([false, true]);
  });
});
