import { describe } from 'vitest';
import type { Broker } from '../../src/broker/broker.js';
import { closeAfterTest } from '../support/app.js';
import type { TestRedis } from '../support/redis.js';
import { lifeCycleSuite } from './life-cycle.suite.js';
import { messageSuite } from './message.suite.js';
import { outageSuite } from './outage.suite.js';
import { subscriptionSuite } from './subscription.suite.js';

export interface BrokerFeatures {
  /** The server behind the broker, which the suite may interrupt and restart. */
  readonly redis?: TestRedis;
  /** A broker, not connected, that may use only channels that begin with `ok.`. */
  readonly createLimited?: () => Broker;
  /** Whether a message is sent at most once even if the connection dies under it. */
  readonly failsInFlight?: boolean;
}

export interface BrokerSuiteOptions {
  /** A broker that is not connected; all of them reach the same channels. */
  readonly create: () => Broker;
  readonly features?: BrokerFeatures;
}

/** What the suites work with. */
export interface BrokerUnderTest {
  readonly features: BrokerFeatures;
  /** A broker, not connected; closed after the test. */
  readonly make: () => Broker;
  /** A connected broker; closed after the test. */
  readonly open: (create?: () => Broker) => Promise<Broker>;
}

function made(make: () => Broker): Broker {
  const broker = make();
  closeAfterTest(() => broker.close());
  return broker;
}

/** What every implementation of the port promises. */
export function brokerSuite(name: string, { create, features = {} }: BrokerSuiteOptions): void {
  const underTest: BrokerUnderTest = {
    features,
    make: () => made(create),
    open: async (make = create) => {
      const broker = made(make);
      await broker.connect(20_000);
      return broker;
    },
  };
  describe(`the port of ${name}`, () => {
    messageSuite(underTest);
    subscriptionSuite(underTest);
    lifeCycleSuite(underTest);
    if (features.redis) outageSuite(underTest, features.redis);
  });
}
