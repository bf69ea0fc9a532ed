import { describe, expect, it } from 'vitest';
import { serverIn } from '../../../src/keyspace/keyspace-servers.js';

describe('serverIn', () => {
  it.each<[string, ReturnType<typeof serverIn>]>([
    ['# Server\r\nredis_version:7.0.15\r\nos:Linux', { name: 'Redis 7.0.15', hasFields: false }],
    ['redis_version:8.6.2\r\n', { name: 'Redis 8.6.2', hasFields: false }],
    ['redis_version:8.8.0\r\n', { name: 'Redis 8.8.0', hasFields: true }],
    ['redis_version:8.10.1\r\n', { name: 'Redis 8.10.1', hasFields: true }],
    ['redis_version:10.0.0\r\n', { name: 'Redis 10.0.0', hasFields: true }],
    [
      'redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.0\r\n',
      { name: 'Valkey 9.1.0', hasFields: false },
    ],
    ['os:Linux', undefined],
  ])('reads %j', (info, expected) => {
    expect(serverIn(info)).toEqual(expected);
  });

  it('reads nothing where a server does not answer', () => {
    expect(serverIn(undefined)).toBeUndefined();
  });
});
