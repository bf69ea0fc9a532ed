import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { PREFIX } from '../contract/channels.js';

/** Time in which a second instance with the same event is detected, in seconds. */
const DEDUPLICATION_SECONDS = 600;

/** Selects one instance per event, because every instance receives every event. */
@Injectable()
export class EventDeduplicator {
  constructor(private readonly redis: Redis) {}

  async isFirst(eventId: string): Promise<boolean> {
    return (
      (await this.redis.set(
        `${PREFIX}handled:${eventId}`,
        '1',
        'EX',
        DEDUPLICATION_SECONDS,
        'NX',
      )) === 'OK'
    );
  }
}
