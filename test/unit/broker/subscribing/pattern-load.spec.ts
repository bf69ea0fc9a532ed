import { beforeEach, describe, expect, it } from 'vitest';
import type { ServerInfo } from '../../../../src/broker/connection/ioredis-internals.js';
import { PatternLoad } from '../../../../src/broker/subscribing/pattern-load.js';
import { FakeLog } from '../fake-client.js';

const OWN =
  'warn: This process subscribes to more than 200 different patterns, and Redis compares each message with every pattern. Use literal channels for users and connections, and patterns for services';

const info = (patterns: number): ServerInfo => ({
  pubsub_channels: '5000',
  pubsub_patterns: String(patterns),
  pubsubshard_channels: '9000',
});

describe('PatternLoad', () => {
  let log: FakeLog;
  let load: PatternLoad;
  beforeEach(() => {
    log = new FakeLog();
    load = new PatternLoad(log);
  });

  it('warns once of more than 200 patterns of this process', () => {
    load.onOwn(200);
    expect(log.lines).toEqual([]);
    load.onOwn(201);
    load.onOwn(202);
    load.onOwn(10);
    load.onOwn(201);
    expect(log.lines).toEqual([OWN]);
  });

  it('warns once of more than 1,000 patterns of all clients', () => {
    load.onInfo(info(1_000));
    expect(log.lines).toEqual([]);
    load.onInfo(info(1_001));
    load.onInfo(info(2_000));
    expect(log.lines).toEqual([
      'warn: Redis holds 1001 different patterns of its clients, and compares each message with every one. Use literal channels for users and connections, and patterns for services',
    ]);
  });

  it.each([{}, { redis_version: '7.0.0' }, { pubsub_patterns: '' }])(
    'is silent where INFO tells no number: %j',
    (answer) => {
      load.onInfo(answer);
      expect(log.lines).toEqual([]);
    },
  );
});
