import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { PREFIX } from '../contract/channels.js';

/** For how long an instance that is late is told that it is late, in seconds. */
const MEMORY = 600;

/** Every instance hears every event; what may happen only once is for the one that is first. */
@Injectable()
export class Once {
  constructor(private readonly redis: Redis) {}

  async isFirst(eventId: string): Promise<boolean> {
    return (await this.redis.set(`${PREFIX}handled:${eventId}`, '1', 'EX', MEMORY, 'NX')) === 'OK';
  }
}
