import * as fc from 'fast-check';
import { Cluster, type ClusterNode, type ClusterOptions } from 'ioredis';
import { describe, expect, it } from 'vitest';
import {
  addressOf,
  hostAndPort,
  readCluster,
} from '../../../../src/broker/cluster/cluster-connection.js';

describe('readCluster', () => {
  it.each<[ClusterNode, string]>([
    [7_000, '127.0.0.1:7000'],
    ['redis://10.0.0.1:7001', '10.0.0.1:7001'],
    ['10.0.0.1:7001', '10.0.0.1:7001'],
    ['redis.example', 'redis.example:6379'],
    ['redis://[::1]:7001', '::1:7001'],
    [{ host: '10.0.0.1', port: 7_001 }, '10.0.0.1:7001'],
    [{ host: '10.0.0.1' }, '10.0.0.1:6379'],
    [{ port: 7_001 }, '127.0.0.1:7001'],
  ])('reads the node %j as %s', (node, address) => {
    expect(readCluster({ nodes: [node] }).startupNodes).toEqual([address]);
  });

  it.each<[ClusterOptions['slotsRefreshInterval'], number]>([
    [undefined, 1_000],
    [0, 1_000],
    [-1, 1_000],
    [5_000, 5_000],
    [Infinity, 2_147_483_647],
  ])('refreshes with slotsRefreshInterval %j every %i ms', (slotsRefreshInterval, interval) => {
    expect(readCluster({ nodes: [1], options: { slotsRefreshInterval } }).intervalMs).toBe(
      interval,
    );
  });

  it('limits an attempt to two seconds, unless redisOptions say otherwise', () => {
    expect(readCluster({ nodes: [1] }).redisOptions).toEqual({ connectTimeout: 2_000 });
    const options = { redisOptions: { connectTimeout: 50, password: 'x' } };
    expect(readCluster({ nodes: [1], options }).redisOptions).toEqual(options.redisOptions);
  });

  it('translates the addresses of the natMap, and keeps the others', () => {
    const natMap = { '10.0.0.1:7001': { host: 'outside', port: 30_001 } };
    const { translate } = readCluster({ nodes: [1], options: { natMap } });
    expect([translate('10.0.0.1:7001'), translate('10.0.0.2:7001')]).toEqual([
      'outside:30001',
      '10.0.0.2:7001',
    ]);
  });

  it("reads the configuration of a user's own Cluster", () => {
    const cluster = new Cluster([{ host: '10.0.0.1', port: 7_001 }], {
      lazyConnect: true,
      slotsRefreshInterval: 700,
      redisOptions: { password: 'x' },
    });
    expect(readCluster(cluster)).toMatchObject({
      startupNodes: ['10.0.0.1:7001'],
      intervalMs: 700,
      redisOptions: { password: 'x' },
    });
  });
});

describe('hostAndPort', () => {
  it('returns the host and the port that the address was made of', () => {
    const hosts = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(hosts, fc.integer({ min: 1, max: 65_535 }), (host, port) => {
        expect(hostAndPort(addressOf({ host, port }))).toEqual({ host, port });
      }),
    );
  });
});
