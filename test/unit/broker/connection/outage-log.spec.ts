import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OutageLog } from '../../../../src/broker/connection/outage-log.js';
import { telemetry } from '../../../../src/telemetry.js';
import { FakeLog, pass, useFakeClock, useRealClock } from '../fake-client.js';

describe('OutageLog', () => {
  let log: FakeLog;
  let outages: OutageLog;
  let published: unknown[];
  const keep = (event: unknown): void => void published.push(event);

  beforeEach(() => {
    useFakeClock();
    log = new FakeLog();
    outages = new OutageLog({ transport: 'test', role: 'subscriber', log });
    outages.connecting('10.0.0.1:6379');
    published = [];
    telemetry.reconnect.subscribe(keep);
  });
  afterEach(() => {
    telemetry.reconnect.unsubscribe(keep);
    useRealClock();
  });

  const fail = (...reasons: string[]): void => {
    for (const reason of reasons) outages.failed(false, reason);
  };

  it('logs the first of several failed attempts alone', () => {
    fail('ECONNREFUSED', 'ECONNREFUSED', 'ECONNREFUSED');
    expect(log.lines).toEqual([
      'warn: Cannot connect the subscriber to 10.0.0.1:6379 (ECONNREFUSED); retrying',
    ]);
  });

  it('logs another reason when two attempts in a row have it', () => {
    fail('ECONNREFUSED', 'ECONNRESET', 'WRONGPASS', 'ECONNRESET', 'WRONGPASS', 'WRONGPASS');
    fail('WRONGPASS', 'WRONGPASS');
    expect(log.lines).toEqual([
      'warn: Cannot connect the subscriber to 10.0.0.1:6379 (ECONNREFUSED); retrying',
      'warn: Still cannot connect the subscriber to 10.0.0.1:6379 (WRONGPASS); retrying',
    ]);
  });

  it('logs reasons that alternate at most every ten seconds each', async () => {
    const reasons = ['a', 'a', 'b', 'b'];
    for (let second = 0; second < 9; second++) {
      fail(...reasons);
      await pass(1_000);
    }
    expect(log.lines).toHaveLength(2);
    await pass(1_000);
    fail(...reasons);
    expect(log.lines.map((line) => /\((.)\)/.exec(line)?.[1])).toEqual(['a', 'b', 'a', 'b']);
  });

  it('logs once that a client of the application leads to the wrong server', () => {
    outages.wrongServer('x leads to another server');
    outages.wrongServer('x leads to another server');
    expect(log.lines).toEqual([
      'warn: Your own client, the subscriber, is still connected to the wrong server: x leads to another server; reconnect it, for example with disconnect(true)',
    ]);
    outages.ready('');
    outages.wrongServer('again');
    expect(log.lines).toHaveLength(2);
  });

  it('logs the start of a publisher, with what it leads to, and not that of a subscriber', () => {
    outages.ready(' (database 0, a master)');
    expect(log.lines).toEqual([]);
    const publisher = new OutageLog({ transport: 'test', role: 'publisher', log });
    publisher.connecting('10.0.0.1:6379');
    publisher.ready(' (database 0, a master)');
    expect(log.lines).toEqual([
      'log: Connected the publisher to 10.0.0.1:6379 (database 0, a master)',
    ]);
  });

  it('logs a lost connection, and nothing of the attempts after it', () => {
    outages.failed(true, undefined);
    outages.failed(false, 'ECONNREFUSED');
    expect(log.lines).toEqual([
      'warn: Lost the subscriber connection to 10.0.0.1:6379; reconnecting',
    ]);
  });

  it('logs and publishes how long the outage took, with the server that it ended at', async () => {
    outages.failed(true, 'reset');
    await pass(1_234);
    outages.connecting('10.0.0.2:6379');
    outages.ready('');
    expect(log.lines).toEqual([
      'warn: Lost the subscriber connection to 10.0.0.1:6379 (reset); reconnecting',
      'warn: The subscriber connection is back after 1234 ms, to 10.0.0.2:6379',
    ]);
    expect(published).toEqual([{ transport: 'test', connection: 'subscriber', outage: 1_234 }]);
  });

  it('logs the first connection after a failed attempt, and not as the end of an outage', () => {
    outages.failed(false, undefined);
    outages.ready('');
    expect(log.lines).toEqual([
      'warn: Cannot connect the subscriber to 10.0.0.1:6379; retrying',
      'warn: Connected the subscriber to 10.0.0.1:6379',
    ]);
    expect(published).toEqual([]);
  });

  it('logs the end of an outage once, and the next outage again', () => {
    outages.failed(true, undefined);
    outages.ready('');
    outages.ready('');
    outages.failed(true, undefined);
    expect(log.lines.map((line) => line.slice(0, 9))).toEqual([
      'warn: Los',
      'warn: The',
      'warn: Los',
    ]);
  });

  it('measures an outage from its last loss', async () => {
    outages.failed(true, undefined);
    await pass(500);
    outages.failed(true, undefined);
    await pass(200);
    outages.ready('');
    expect(published).toEqual([{ transport: 'test', connection: 'subscriber', outage: 200 }]);
  });

  it('logs that there is no further attempt', () => {
    outages.ended('no more');
    expect(log.lines).toEqual([
      'error: The subscriber connection to 10.0.0.1:6379 has ended (no more), and is not retried',
    ]);
  });
});
