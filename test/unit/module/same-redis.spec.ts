import { Cluster, Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { isSameRedis } from '../../../src/module/same-redis.js';
import type { ResolvedOptions } from '../../../src/options/resolve-options.js';

type Connection = ResolvedOptions['connection'];

const isSame = (one: Connection, other: Connection, [a, b] = ['', '']): boolean =>
  isSameRedis({ connection: one, prefix: a }, { connection: other, prefix: b });

const client = new Redis({ host: 'cache', port: 7000, lazyConnect: true });
const cluster = new Cluster(['redis://a:1', { host: 'b', port: 2 }], { lazyConnect: true });

describe('isSameRedis', () => {
  it.each<[Connection, Connection]>([
    ['redis://localhost:6379', 'redis://user:secret@127.0.0.1/3'],
    ['redis://localhost', {}],
    ['redis://LocalHost', { host: 'LOCALHOST' }],
    ['redis://0.0.0.0', { host: '127.0.0.1' }],
    [{ host: '0.0.0.0' }, { host: 'LocalHost' }],
    ['redis://[::ffff:127.0.0.1]', { host: '::' }],
    [{ host: 'Cache' }, 'redis://cache'],
    [{ nodes: ['redis://A:1', 'localhost:2'] }, { nodes: ['redis://a:1', '127.0.0.1:2'] }],
    [
      { sentinels: [{ host: 'LocalHost', port: 1 }], name: 'main' },
      { sentinels: [{ host: '127.0.0.1', port: 1 }], name: 'main' },
    ],
    ['redis://cache:7000', { host: 'cache', port: 7000 }],
    [{ host: 'cache', port: 7000 }, client],
    [{ url: 'redis://cache:7000', connectTimeout: 5 }, client],
    [{ nodes: ['redis://a:1', 'b:2'] }, cluster],
    [{ path: '/tmp/redis.sock' }, { path: '/tmp/redis.sock', db: 2 }],
    [{ nodes: ['redis://a:1', 'b:2'] }, { nodes: [{ host: 'b', port: 2 }, 'a:1'] }],
    [
      { sentinels: [{ host: 'a', port: 1 }], name: 'main' },
      { sentinels: [{ host: 'a', port: 1 }], name: 'main' },
    ],
  ])('is true for %j and %j', (one, other) => {
    expect(isSame(one, other)).toBe(true);
  });

  it.each<[Connection, Connection]>([
    ['redis://localhost:6379', 'redis://localhost:6380'],
    ['redis://cache:7000', 'redis://audit:7000'],
    [{ path: '/tmp/one.sock' }, { path: '/tmp/other.sock' }],
    [
      { sentinels: [{ host: 'a', port: 1 }], name: 'main' },
      { sentinels: [{ host: 'a', port: 1 }], name: 'other' },
    ],
  ])('is false for %j and %j', (one, other) => {
    expect(isSame(one, other)).toBe(false);
  });

  it('is false for different prefixes, whose channels have no name in common', () => {
    expect(isSame('redis://a', 'redis://a', ['l:', 'r:'])).toBe(false);
  });
});
