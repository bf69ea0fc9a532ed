import { randomUUID } from 'node:crypto';
import type {
  Broker,
  BrokerLog,
  BrokerStatus,
  Delivery,
  DeliveryListener,
  PubSubGap,
} from '../../src/broker/broker.js';
import { eventually } from '../support/redis.js';

/** Records its deliveries and gaps. */
export class Collector implements DeliveryListener {
  readonly deliveries: Delivery[] = [];
  readonly gaps: PubSubGap[] = [];

  onDelivery(delivery: Delivery): void {
    delivery.payload.keep();
    this.deliveries.push(delivery);
  }

  onResubscribed(gap: PubSubGap): void {
    this.gaps.push(gap);
  }

  /** The payloads of the messages that arrived so far. */
  get texts(): string[] {
    return this.deliveries.map(({ payload }) => payload.text());
  }

  /** Resolves when `count` messages have arrived. */
  receives(count: number): Promise<void> {
    return eventually(() => this.deliveries.length >= count);
  }
}

/** Records the log lines. */
export class CollectedLog implements BrokerLog {
  readonly lines: string[] = [];

  log(message: string): void {
    this.lines.push(`log: ${message}`);
  }

  warn(message: string): void {
    this.lines.push(`warn: ${message}`);
  }

  error(message: string): void {
    this.lines.push(`error: ${message}`);
  }
}

/** A name that no other test uses. */
export const unique = (name: string): string => `${name}.${randomUUID()}`;

/** Resolves when a broker has this status. */
export async function becomes(broker: Broker, status: BrokerStatus): Promise<void> {
  if (broker.status === status) return;
  await new Promise<void>((resolve) => {
    const off = broker.onStatus((now) => {
      if (now !== status) return;
      off();
      resolve();
    });
  });
}
