import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SentinelTopology } from '../support/faults/sentinel-topology.js';
import { measure } from './measure.js';
import { sentinelFaults } from './sentinel-faults.js';

describe('a master that three sentinels watch', () => {
  let sentinel: SentinelTopology;
  beforeAll(async () => {
    sentinel = await SentinelTopology.start();
  });
  afterAll(() => sentinel.stop());

  const named = sentinelFaults(() => sentinel).map((fault) => [fault.name, fault] as const);

  it.each(named)('%s: this package keeps its promises', async (_, fault) => {
    expect(await measure(fault)).toEqual([]);
  });
});
