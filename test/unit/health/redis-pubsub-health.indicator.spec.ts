import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as fc from 'fast-check';
import type { BrokerStatus } from '../../../src/broker/broker.js';
import { RedisPubSubHealthIndicator } from '../../../src/health/redis-pubsub-health.indicator.js';
import type { MessageBus } from '../../../src/transport/message-bus.js';
import { useFakeClock, useRealClock } from '../broker/fake-client.js';

const KEY = 'redis-pubsub';
const STATUSES = ['connected', 'connecting', 'disconnected', 'reconnecting', 'starving'] as const;

/** What the indicator reads of a broker. */
class FakeBroker {
  status: BrokerStatus = 'disconnected';
  lastDeliveryAt: Date | undefined;
  subscriptions = 0;
  readonly #listeners: ((status: BrokerStatus) => void)[] = [];

  onStatus(listener: (status: BrokerStatus) => void): void {
    this.#listeners.push(listener);
  }

  become(...statuses: BrokerStatus[]): void {
    for (const status of statuses) {
      this.status = status;
      for (const listener of this.#listeners) listener(status);
    }
  }
}

function bench(...statuses: BrokerStatus[]) {
  const broker = new FakeBroker();
  const indicator = new RedisPubSubHealthIndicator({ broker } as unknown as MessageBus);
  broker.become(...statuses);
  return { broker, indicator };
}

/** A time after `ms` milliseconds. */
function after(ms: number): Date {
  vi.advanceTimersByTime(ms);
  return new Date();
}

describe('RedisPubSubHealthIndicator', () => {
  beforeEach(useFakeClock);
  afterEach(useRealClock);

  describe('check', () => {
    it('reports a module that was not started, since its creation', () => {
      const created = new Date();
      const { indicator } = bench();
      after(1_000);
      expect(indicator.check()).toEqual({
        status: 'disconnected',
        since: created,
        lastDeliveryAt: undefined,
        subscriptions: 0,
      });
    });

    it('reports what the broker knows of deliveries and subscriptions', () => {
      const { broker, indicator } = bench('connected');
      broker.lastDeliveryAt = new Date(7);
      broker.subscriptions = 3;
      expect(indicator.check()).toMatchObject({ lastDeliveryAt: new Date(7), subscriptions: 3 });
    });

    it.each(STATUSES)('reports %s since the moment at which the status became that', (status) => {
      const { broker, indicator } = bench(...STATUSES.filter((it) => it !== status));
      const since = after(500);
      broker.become(status);
      after(500);
      expect(indicator.check()).toMatchObject({ status, since });
    });

    it('reports the first starving moment until the status is connected again', () => {
      const { broker, indicator } = bench('connected');
      expect(indicator.check()).not.toHaveProperty('starvingSince');
      const starvingSince = after(100);
      broker.become('starving');
      for (const status of ['reconnecting', 'starving', 'reconnecting'] as const) {
        const since = after(100);
        broker.become(status);
        expect(indicator.check()).toMatchObject({ status, since, starvingSince });
      }
      broker.become('connected');
      expect(indicator.check()).not.toHaveProperty('starvingSince');
    });

    it('reports no starving moment after the module was closed', () => {
      const { indicator } = bench('connected', 'starving', 'disconnected');
      expect(indicator.check()).not.toHaveProperty('starvingSince');
    });
  });

  describe('isHealthy', () => {
    it('is up with the details while the status is connected', () => {
      const { broker, indicator } = bench('connecting', 'connected');
      broker.lastDeliveryAt = new Date(7);
      broker.subscriptions = 3;
      const { since } = indicator.check();
      after(1_000);
      expect(indicator.isHealthy()).toEqual({
        [KEY]: {
          status: 'up',
          connection: 'connected',
          since,
          lastDeliveryAt: new Date(7),
          subscriptions: 3,
        },
      });
    });

    it('uses the key that it is given', () => {
      const { indicator } = bench('connected');
      expect(Object.keys(indicator.isHealthy('audit'))).toEqual(['audit']);
    });

    it('is down at the first moment of an outage where there is no grace', () => {
      const { indicator } = bench('connected', 'reconnecting');
      expect(indicator.isHealthy()[KEY]).toMatchObject({
        status: 'down',
        connection: 'reconnecting',
      });
      expect(indicator.isHealthy()[KEY]).not.toHaveProperty('impaired');
    });

    it('is impaired until an outage has lasted as long as the grace', () => {
      const { broker, indicator } = bench('connected');
      after(60_000);
      broker.become('reconnecting');
      const look = () => indicator.isHealthy(KEY, { grace: 5_000 })[KEY];
      expect(look()).toMatchObject({ status: 'up', impaired: true, connection: 'reconnecting' });
      after(4_999);
      expect(look()).toMatchObject({ status: 'up', impaired: true });
      after(1);
      expect(look()).toMatchObject({ status: 'down', connection: 'reconnecting' });
      expect(look()).not.toHaveProperty('impaired');
      broker.become('connected');
      expect(look()).toMatchObject({ status: 'up' });
      expect(look()).not.toHaveProperty('impaired');
      broker.become('reconnecting');
      expect(look()).toMatchObject({ status: 'up', impaired: true });
    });

    it('is degraded within the grace where that is asked for', () => {
      const { indicator } = bench('connected', 'reconnecting');
      const options = { grace: 5_000, degraded: true };
      expect(indicator.isHealthy(KEY, options)[KEY].status).toBe('degraded');
      expect(indicator.isHealthy(KEY, options)[KEY]).not.toHaveProperty('impaired');
      after(5_000);
      expect(indicator.isHealthy(KEY, options)[KEY].status).toBe('down');
    });

    it.each(['connecting', 'disconnected', 'starving'] as const)(
      'is down at once while the status is %s, whatever the grace',
      (status) => {
        const { indicator } = bench('connected', status);
        expect(indicator.isHealthy(KEY, { grace: Infinity })[KEY].status).toBe('down');
        expect(indicator.isHealthy(KEY, { grace: Infinity, degraded: true })[KEY].status).toBe(
          'down',
        );
      },
    );

    it('stays down while a starving subscriber is replaced', () => {
      const { broker, indicator } = bench('connected', 'starving', 'reconnecting');
      expect(indicator.isHealthy(KEY, { grace: Infinity })[KEY]).toMatchObject({
        status: 'down',
        connection: 'reconnecting',
        starvingSince: new Date(),
      });
      broker.become('connected', 'reconnecting');
      expect(indicator.isHealthy(KEY, { grace: Infinity })[KEY].status).toBe('up');
    });

    it.each([-3_600_000, 3_600_000])(
      'measures the grace with a clock that a change of the time by %i ms does not move',
      (change) => {
        const { indicator } = bench('connected', 'reconnecting');
        vi.setSystemTime(Date.now() + change);
        after(4_999);
        expect(indicator.isHealthy(KEY, { grace: 5_000 })[KEY].status).toBe('up');
        after(1);
        expect(indicator.isHealthy(KEY, { grace: 5_000 })[KEY].status).toBe('down');
      },
    );

    it.each([NaN, -1, 0, undefined, null, {}])('takes %s for no grace', (grace) => {
      const { indicator } = bench('connected', 'reconnecting');
      expect(indicator.isHealthy(KEY, { grace: grace as number })[KEY].status).toBe('down');
    });

    it('says down, and up with or without a mark, as the whole history of statuses asks for', () => {
      const step = fc.record({ status: fc.constantFrom(...STATUSES), ms: fc.nat(2_000) });
      const grace = fc.constantFrom(0, 500, 1_000, 5_000, Infinity);
      fc.assert(
        fc.property(fc.array(step, { maxLength: 12 }), grace, (steps, grace) => {
          const { broker, indicator } = bench('connected');
          const history: { status: BrokerStatus; ms: number }[] = [{ status: 'connected', ms: 0 }];
          for (const { status, ms } of steps) {
            if (status !== broker.status) broker.become(status);
            vi.advanceTimersByTime(ms);
            history.push({ status, ms });
            const { status: said, impaired = false } = indicator.isHealthy(KEY, { grace })[KEY];
            expect([said, impaired]).toEqual(expected(history, grace));
          }
        }),
      );
    });
  });
});

/** The result that a history asks for, each status with the time that it lasted. */
function expected(history: readonly { status: BrokerStatus; ms: number }[], grace: number) {
  const { status } = history.at(-1) as { status: BrokerStatus };
  if (status === 'connected') return ['up', false];
  const outage = history.slice(history.findLastIndex((it) => it.status === 'connected') + 1);
  const lastedMs = outage.reduce((sum, { ms }) => sum + ms, 0);
  const calm = outage.findLastIndex((it) => /^(connecting|disconnected)$/.test(it.status));
  const isStarving = outage.slice(calm + 1).some((it) => it.status === 'starving');
  const isTolerated = status === 'reconnecting' && !isStarving && lastedMs < grace;
  return isTolerated ? ['up', true] : ['down', false];
}
