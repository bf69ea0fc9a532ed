import { describe, expect, it } from 'vitest';
import { RedisPubSubRecord, RedisPubSubRecordBuilder } from 'nestjs-redis-pubsub';
import { isPubSubRecord } from '../../../src/transport/redis-pubsub.record.js';

describe('isPubSubRecord', () => {
  it('recognises records, and those of subclasses', () => {
    expect(isPubSubRecord(new RedisPubSubRecord(1))).toBe(true);
    expect(isPubSubRecord(new RedisPubSubRecordBuilder(1).build())).toBe(true);
    expect(isPubSubRecord(new (class extends RedisPubSubRecord {})(1))).toBe(true);
  });

  it('recognises no data of publishers, whatever keys it has', () => {
    const data: unknown = JSON.parse('{"data":1,"headers":{},"nestjs-redis-pubsub.record":true}');
    const unreadable = new Proxy({}, { get: () => JSON.parse('{') as never });
    for (const value of [data, null, undefined, 'text', 1, unreadable]) {
      expect(isPubSubRecord(value)).toBe(false);
    }
  });
});
