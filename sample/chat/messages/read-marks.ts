import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { PREFIX } from '../node/channels.js';

/** The id of the last message that a user has read, by room. */
export type Marks = Readonly<Record<string, number>>;

/** What each user has read, in a sorted set of Redis: the rooms by the id of the last message read. */
@Injectable()
export class ReadMarks {
  constructor(private readonly redis: Redis) {}

  async of(userId: string, rooms: readonly string[]): Promise<Marks> {
    const scores = await this.redis.zmscore(keyOf(userId), [...rooms]);
    return Object.fromEntries(rooms.map((room, i) => [room, Number(scores[i] ?? 0)]));
  }

  /** Moves a mark forward, and never back. Resolves to whether it moved. */
  async advance(userId: string, room: string, id: number): Promise<boolean> {
    return (await this.redis.zadd(keyOf(userId), 'GT', 'CH', id, room)) === 1;
  }
}

/** Whether a value is a set of marks. Any client of Redis can publish any value. */
export function isMarks(value: unknown): value is Marks {
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).every((id) => Number.isSafeInteger(id));
}

const keyOf = (userId: string): string => `${PREFIX}user:{${userId}}:read`;
