import { describe, expect, it } from 'vitest';
import type { HandlerStats, InstanceInfo, InstanceStats } from '../../../src/index.js';
import { fleetOf } from '../../../src/inspector/fleet.js';
import { RateMeter } from '../../../src/inspector/rate-meter.js';

const handler = (received: number, other: Partial<HandlerStats> = {}): HandlerStats => ({
  pattern: 'order.*',
  kind: 'event',
  subscription: 'pattern',
  method: 'OrderHandlers.onOrder',
  received,
  handled: received,
  failed: 0,
  dropped: 0,
  waiting: 0,
  running: 0,
  gaps: 0,
  ...other,
});

const stats = (id: string, other: Partial<InstanceStats> = {}): InstanceStats => ({
  id,
  name: 'shop',
  version: '1.0.0',
  status: 'connected',
  since: new Date(2000),
  startedAt: new Date(1000),
  reconnects: 0,
  published: 0,
  lost: 0,
  gaps: 0,
  dropped: 0,
  subscriptions: 1,
  observers: 0,
  handlers: [],
  ...other,
});

const info = (id: string): InstanceInfo =>
  ({
    id,
    name: 'shop',
    version: '1.0.0',
    host: `host-${id}`,
    pid: 1,
    codec: 'json',
    handlers: [{ ...handler(0), name: 'order.*', options: { concurrency: 5, sharded: false } }],
  }) as unknown as InstanceInfo;

/** A fleet of which these instances have said what they have done. */
function fleet(all: readonly InstanceStats[], meter = new RateMeter(10_000), at = 0) {
  meter.begin(at);
  const infos = { instances: [info('a'), info('b')], missing: [], silent: 1 };
  return fleetOf(infos, all, meter);
}

describe('fleetOf', () => {
  it('keeps handlers apart whose patterns differ in case alone', () => {
    const handlers = ['User.x', 'user.x'].map((pattern, i) => handler(i + 1, { pattern }));
    const { handlers: rows } = fleetOf(
      { instances: [], missing: [], silent: 0 },
      [stats('a', { handlers }), stats('b', { handlers })],
      new RateMeter(1_000),
    );
    expect(new Map(rows.map((row) => [row.pattern, row.received]))).toEqual(
      new Map([
        ['User.x', 2],
        ['user.x', 4],
      ]),
    );
  });

  it('joins what an instance is with what it has done', () => {
    const { instances, silent } = fleet([stats('a', { handlers: [handler(3, { failed: 1 })] })]);
    expect(silent).toBe(1);
    expect(instances).toMatchObject([
      {
        id: 'a',
        host: 'host-a',
        codec: 'json',
        startedAt: 1000,
        since: 2000,
        received: 3,
        failed: 1,
      },
    ]);
    expect(instances[0]).not.toHaveProperty('handlers');
  });

  it('shows an instance that has told only what it has done', () => {
    const { instances, handlers } = fleet([stats('new', { handlers: [handler(1)] })]);
    expect(instances[0]).not.toHaveProperty('host');
    expect(handlers).toMatchObject([{ options: '', instances: 1 }]);
  });

  it('adds up the handlers of one service, and tells others apart', () => {
    const { handlers, totals } = fleet([
      stats('a', { handlers: [handler(1, { waiting: 2 }), handler(1, { method: 'B.b' })] }),
      stats('b', { handlers: [handler(10, { waiting: 3, running: 1, dropped: 4 })], lost: 5 }),
      stats('c', { name: 'mailer', status: 'starving', handlers: [handler(100)], gaps: 2 }),
    ]);
    expect(handlers).toMatchObject([
      { service: 'mailer', instances: 1, received: 100 },
      {
        service: 'shop',
        instances: 2,
        received: 11,
        waiting: 5,
        running: 1,
        dropped: 4,
        options: 'concurrency: 5, sharded: false',
      },
      { service: 'shop', method: 'B.b', instances: 1, received: 1 },
    ]);
    expect(totals).toEqual({
      instances: 3,
      impaired: 1,
      handlers: 3,
      received: 112,
      failed: 0,
      dropped: 4,
      lost: 5,
      gaps: 2,
      waiting: 5,
      receivedRate: undefined,
      publishedRate: undefined,
    });
  });

  it('knows rates from the second time on, also while instances come and go', () => {
    const meter = new RateMeter(10_000);
    const one = (received: number, published: number) =>
      stats('a', { published, handlers: [handler(received)] });
    fleet([one(100, 10), stats('b', { handlers: [handler(1_000_000)] })], meter, 0);
    const second = fleet([one(150, 30), stats('c', { handlers: [handler(5_000)] })], meter, 2000);
    expect(second.instances).toMatchObject([
      { receivedRate: 25, publishedRate: 10 },
      { receivedRate: undefined, publishedRate: undefined },
    ]);
    expect(second.handlers).toMatchObject([{ rate: 25 }]);
    expect(second.totals).toMatchObject({ receivedRate: 25, publishedRate: 10 });
  });
});
