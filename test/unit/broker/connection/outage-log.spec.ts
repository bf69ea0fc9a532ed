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
    outages = new OutageLog({ role: 'subscriber', log });
    outages.connecting('10.0.0.1:6379');
    published = [];
    telemetry.reconnect.subscribe(keep);
  });
  afterEach(() => {
    telemetry.reconnect.unsubscribe(keep);
    useRealClock();
  });

  it('logs the first of several failed attempts alone', () => {
    for (const reason of ['ECONNREFUSED', 'ETIMEDOUT']) outages.failed(false, new Error(reason));
    expect(log.lines).toEqual([
      'warn: Cannot connect the subscriber to 10.0.0.1:6379 (ECONNREFUSED); retrying',
    ]);
  });

  it('logs a lost connection, and nothing of the attempts after it', () => {
    outages.failed(true, undefined);
    outages.failed(false, new Error('ECONNREFUSED'));
    expect(log.lines).toEqual([
      'warn: Lost the subscriber connection to 10.0.0.1:6379; reconnecting',
    ]);
  });

  it('logs and publishes how long the outage took, with the server that it ended at', async () => {
    outages.failed(true, 'reset');
    await pass(1_234);
    outages.connecting('10.0.0.2:6379');
    outages.ready();
    expect(log.lines).toEqual([
      'warn: Lost the subscriber connection to 10.0.0.1:6379 (reset); reconnecting',
      'log: The subscriber connection is back after 1234 ms, to 10.0.0.2:6379',
    ]);
    expect(published).toEqual([{ connection: 'subscriber', outage: 1_234 }]);
  });

  it('logs the first connection after a failed attempt, and not as the end of an outage', () => {
    outages.failed(false, undefined);
    outages.ready();
    expect(log.lines).toEqual([
      'warn: Cannot connect the subscriber to 10.0.0.1:6379; retrying',
      'log: Connected the subscriber to 10.0.0.1:6379',
    ]);
    expect(published).toEqual([]);
  });

  it('logs the end of an outage once, and the next outage again', () => {
    outages.failed(true, undefined);
    outages.ready();
    outages.ready();
    outages.failed(true, undefined);
    expect(log.lines.map((line) => line.slice(0, 9))).toEqual([
      'warn: Los',
      'log: The ',
      'warn: Los',
    ]);
  });

  it('measures an outage from its last loss', async () => {
    outages.failed(true, undefined);
    await pass(500);
    outages.failed(true, undefined);
    await pass(200);
    outages.ready();
    expect(published).toEqual([{ connection: 'subscriber', outage: 200 }]);
  });

  it('logs that there is no further attempt', () => {
    outages.ended(new Error('no more'));
    expect(log.lines).toEqual([
      'error: The subscriber connection to 10.0.0.1:6379 has ended (no more), and is not retried',
    ]);
  });
});
