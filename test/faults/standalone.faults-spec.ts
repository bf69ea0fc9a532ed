import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StandaloneTopology } from '../support/faults/standalone-topology.js';
import { measure } from './measure.js';
import { standaloneFaults } from './standalone-faults.js';

describe('a standalone Redis', () => {
  let redis: StandaloneTopology;
  beforeAll(async () => {
    redis = await StandaloneTopology.start();
  });
  afterAll(() => redis.stop());

  const named = standaloneFaults(() => redis).map((fault) => [fault.name, fault] as const);

  it.each(named)('%s: this package keeps its promises', async (_, fault) => {
    expect(await measure(fault)).toEqual([]);
  });
});
