import { Injectable } from '@nestjs/common';
import type { HealthIndicatorResult } from '@nestjs/terminus';
import type { RedisPubSubHealthIndicator } from 'nestjs-redis-pubsub';

/** The health of the service in this process, which is another Nest application. */
@Injectable()
export class WatchedService {
  #indicator: RedisPubSubHealthIndicator | undefined;

  /** The service has started. */
  watch(indicator: RedisPubSubHealthIndicator): void {
    this.#indicator = indicator;
  }

  isHealthy(grace: number): HealthIndicatorResult {
    const indicator = this.#indicator;
    if (!indicator) return { 'redis-pubsub': { status: 'down', connection: 'starting' } };
    return indicator.isHealthy('redis-pubsub', { grace });
  }
}
