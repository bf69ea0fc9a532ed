import { describe, expect } from 'vitest';
import type { Broker } from '../../src/broker/broker.js';
import { closeAfterTest } from '../support/app.js';
import type { TestRedis } from '../support/redis.js';
import { lifeCycleSuite } from './life-cycle.suite.js';
import { messageSuite } from './message.suite.js';
import { outageSuite } from './outage.suite.js';
import { subscriptionSuite } from './subscription.suite.js';

/** How many subscriptions there are, wherever their clients are connected. */
export interface Census {
  subscribers(channel: string): Promise<number>;
  patterns(): Promise<number>;
}

export interface BrokerFeatures {
  /** The server behind the broker, which the suite may interrupt and restart. */
  readonly redis?: TestRedis;
  /** A broker, not connected, that may use only channels that begin with `ok.`. */
  readonly createLimited?: () => Broker;
  /** Whether `publish` resolves to how many subscriptions there are; in a Cluster it does not. */
  readonly countsReceivers?: boolean;
  /** Asks every server behind the broker, where one knows only of its own clients. */
  readonly census?: Census;
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
  /** What `publish` resolves to where there are so many subscriptions, to compare with. */
  readonly receivers: (all: number) => unknown;
  /** How many subscribers a channel has; the broker is asked where it knows of them all. */
  readonly subscribers: (broker: Broker, channel: string) => Promise<number>;
  /** How many globs are subscribed; likewise. */
  readonly patterns: (broker: Broker) => Promise<number>;
}

function made(make: () => Broker): Broker {
  const broker = make();
  closeAfterTest(() => broker.close());
  return broker;
}

/** What every implementation of the port promises. */
export function brokerSuite(name: string, { create, features = {} }: BrokerSuiteOptions): void {
  const { census, countsReceivers = true } = features;
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
      if (census) return census.subscribers(channel);
      return (await broker.subscriberCounts([channel])).get(channel) ?? 0;
    },
    patterns: (broker) => (census ? census.patterns() : broker.patternCount()),
  };
  describe(`the port of ${name}`, () => {
    messageSuite(underTest);
    subscriptionSuite(underTest);
    lifeCycleSuite(underTest);
    if (features.redis) outageSuite(underTest, features.redis);
  });
}
