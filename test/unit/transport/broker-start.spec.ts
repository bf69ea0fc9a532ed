import { describe, expect, it } from 'vitest';
import type { Broker } from '../../../src/broker/broker.js';
import { BrokerStart } from '../../../src/transport/broker-start.js';
import { FakeLog } from '../broker/fake-client.js';

type OnStart = 'wait' | 'fail' | 'background';

function bench(onStart: OnStart = 'wait', startTimeout = 700) {
  const log = new FakeLog();
  const fake = {
    status: 'connecting',
    timeouts: [] as number[],
    rejections: [] as ((error: unknown) => void)[],
    closes: 0,
    resolve: (): void => undefined,
    reject: undefined as unknown as (error: unknown) => void,
    connect(timeoutMs: number): Promise<void> {
      fake.timeouts.push(timeoutMs);
      return new Promise((resolve, reject) => {
        fake.rejections.push(reject);
        Object.assign(fake, { resolve, reject });
      });
    },
    async close(): Promise<void> {
      fake.closes++;
    },
  };
  const options = { onStart, startTimeout };
  return { fake, log, start: new BrokerStart(fake as unknown as Broker, options, log) };
}

const tick = (): Promise<unknown> => new Promise(setImmediate);

describe('BrokerStart#start', () => {
  it.each([
    ['wait', 700],
    ['fail', 0],
    ['background', 700],
  ] as const)('with onStart "%s" connects with %i ms', (onStart, timeout) => {
    const { fake, start } = bench(onStart);
    void start.start();
    expect(fake.timeouts).toEqual([timeout]);
  });

  it.each(['wait', 'fail'] as const)('with onStart "%s" settles as the broker', async (onStart) => {
    const { fake, start } = bench(onStart);
    const first = start.start();
    fake.reject(new Error('down'));
    await expect(first).rejects.toThrow('down');
    const second = start.start();
    fake.resolve();
    await expect(second).resolves.toBeUndefined();
  });

  it('with onStart "wait" logs the reason while it waits, and not after it has failed', async () => {
    const { fake, start, log } = bench('wait', 30_000);
    const started = start.start();
    const [main, report] = fake.rejections;
    expect(fake.timeouts).toEqual([30_000, 2_000]);
    report?.(new Error('ECONNREFUSED. Connection is closed.'));
    await tick();
    await tick();
    expect(log.lines).toEqual([
      'error: The start waits for Redis, up to 30000 ms: ECONNREFUSED. Connection is closed. Start Redis, or check the option connection',
    ]);
    main?.(new Error('down'));
    await expect(started).rejects.toThrow('down');
    const again = start.start();
    fake.rejections[3]?.(new Error('down'));
    fake.rejections[2]?.(new Error('down'));
    await expect(again).rejects.toThrow('down');
    await tick();
    expect(log.lines).toHaveLength(1);
  });

  it('with onStart "background" resolves at once, and logs a failure once', async () => {
    const { fake, start, log } = bench('background');
    await start.start();
    const { reject } = fake;
    await start.start();
    reject(new Error('down'));
    fake.reject(new Error('down'));
    await tick();
    expect(log.lines).toEqual(['error: Started without Redis; retrying: down']);
  });

  it('with onStart "background" logs nothing after a close', async () => {
    const { fake, start, log } = bench('background');
    await start.start();
    fake.status = 'disconnected';
    fake.reject(new Error('closed'));
    await tick();
    expect(log.lines).toEqual([]);
  });
});

describe('BrokerStart#startEarly', () => {
  it('starts once, and has no promise any more when it has started', async () => {
    const { fake, start } = bench();
    const early = start.startEarly();
    expect(start.startEarly()).toBe(early);
    expect(fake.timeouts).toEqual([700]);
    fake.resolve();
    await early;
    expect(start.startEarly()).toBeUndefined();
  });

  it('does nothing after a start', async () => {
    const { fake, start } = bench();
    const started = start.start();
    fake.resolve();
    await started;
    expect(start.startEarly()).toBeUndefined();
    expect(fake.timeouts).toHaveLength(1);
  });

  it('closes the broker when it fails, and starts again at the next call', async () => {
    const { fake, start } = bench();
    const early = start.startEarly();
    fake.reject(new Error('down'));
    await expect(early).rejects.toThrow('down');
    expect(fake.closes).toBe(1);
    void start.startEarly();
    expect(fake.timeouts).toHaveLength(2);
  });
});
