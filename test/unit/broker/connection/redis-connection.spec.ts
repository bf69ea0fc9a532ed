import { Cluster, Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import {
  isClient,
  isCluster,
  type RedisConnection,
} from '../../../../src/broker/connection/redis-connection.js';

const CLIENT = new Redis({ lazyConnect: true });
const CLUSTER = new Cluster([7_000], { lazyConnect: true });

describe('the kind of a connection', () => {
  it.each<[string, RedisConnection, { isCluster: boolean; isClient: boolean }]>([
    ['a URL', 'redis://localhost', { isCluster: false, isClient: false }],
    ['options', { host: 'localhost' }, { isCluster: false, isClient: false }],
    ['an ioredis client', CLIENT, { isCluster: false, isClient: true }],
    ['nodes', { nodes: [7_000] }, { isCluster: true, isClient: false }],
    ['an ioredis Cluster', CLUSTER, { isCluster: true, isClient: true }],
  ])('is recognized for %s', (_, connection, expected) => {
    expect({ isCluster: isCluster(connection), isClient: isClient(connection) }).toEqual(expected);
  });

  it.each([null, undefined, 1, 'redis://localhost', {}, { duplicate: true }])(
    'is not that of a client for %j',
    (value) => {
      expect(isClient(value)).toBe(false);
    },
  );
});
