import { describe, expect } from 'vitest';
import type { Broker } from '../../src/broker/broker.js';
import { closeAfterTest } from '../support/app.js';
import type { BrokerFeatures, BrokerUnderTest } from './broker-under-test.js';
import { claimSuite } from './claim.suite.js';
import { lifeCycleSuite } from './life-cycle.suite.js';
import { listSuite } from './list.suite.js';
import { messageSuite } from './message.suite.js';
import { outageSuite } from './outage.suite.js';
import { subscriptionSuite } from './subscription.suite.js';

export interface BrokerSuiteOptions {
  /** Creates a broker that is not connected. All brokers reach the same channels. */
  readonly create: () => Broker;
  readonly features?: BrokerFeatures;
}

function made(make: () => Broker): Broker {
  const broker = make();
  closeAfterTest(() => broker.close());
  return broker;
}

/** The promises of the `Broker` interface, which every implementation keeps. */
export function brokerSuite(name: string, { create, features = {} }: BrokerSuiteOptions): void {
  const { counter, countsReceivers = true } = features;
  const underTest: BrokerUnderTest = {
    features,
    make: () => made(create),
    open: async (make = create) => {
      const broker = made(make);
      await broker.connect(20_000);
      return broker;
    },
    receivers: (all) =>
      countsReceivers ? all : expect.toSatisfy((found: number) => found >= 0 && found <= all),
    subscribers: async (broker, channel) => {
      if (counter) return counter.subscribers(channel);
      return (await broker.subscriberCounts([channel])).get(channel) ?? 0;
    },
    patterns: (broker) => (counter ? counter.patterns() : broker.patternCount()),
  };
  describe(`the Broker interface of ${name}`, () => {
    messageSuite(underTest);
    listSuite(underTest);
    subscriptionSuite(underTest);
    claimSuite(underTest);
    lifeCycleSuite(underTest);
    if (features.redis) outageSuite(underTest, features.redis);
  });
}
