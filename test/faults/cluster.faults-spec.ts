import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../support/cluster.js';
import { measure } from './measure.js';
import { clusterFaults } from './cluster-faults.js';
import { shardedFaults } from './sharded-faults.js';

describe('a Cluster', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await TestCluster.start();
  });
  afterAll(() => cluster.stop());

  const all = [...clusterFaults(() => cluster), ...shardedFaults(() => cluster)];
  const named = all.map((fault) => [`${fault.topology}: ${fault.name}`, fault] as const);

  it.each(named)('%s: this package keeps its promises', async (_, fault) => {
    expect(await measure(fault)).toEqual([]);
  });
});
