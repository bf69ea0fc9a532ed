import type { Broker } from '../../src/broker/broker.js';
import type { TestRedis } from '../support/redis.js';

/** Counts the subscriptions at all servers behind the broker. */
export interface SubscriptionCounter {
  subscribers(channel: string): Promise<number>;
  patterns(): Promise<number>;
}

export interface BrokerFeatures {
  /** The server behind the broker, which the suite may interrupt and restart. */
  readonly redis?: TestRedis;
  /** Creates a broker, not connected, that may use only channels that begin with `ok.`. */
  readonly createLimited?: () => Broker;
  /** Whether `publish` resolves to the number of all subscriptions; in a Cluster it does not. */
  readonly countsReceivers?: boolean;
  /** Asks every server behind the broker. Needed where one server knows only its own clients. */
  readonly counter?: SubscriptionCounter;
  /** Whether a message is sent at most once even if the connection is lost while it is in flight. */
  readonly failsInFlight?: boolean;
}

/** The implementation that the suites test, and how they use it. */
export interface BrokerUnderTest {
  readonly features: BrokerFeatures;
  /** Creates a broker, not connected; closed after the test. */
  readonly make: () => Broker;
  /** Creates and connects a broker; closed after the test. */
  readonly open: (create?: () => Broker) => Promise<Broker>;
  /** The expected result of `publish` where `all` subscriptions exist. */
  readonly receivers: (all: number) => unknown;
  /** The number of subscribers of a channel. Asks the broker where its server knows all of them. */
  readonly subscribers: (broker: Broker, channel: string) => Promise<number>;
  /** The number of subscribed globs, asked in the same way. */
  readonly patterns: (broker: Broker) => Promise<number>;
}
