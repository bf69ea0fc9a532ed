import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Standalone } from '../chaos/standalone.js';
import { measure } from './measure.js';
import { standaloneFaults } from './standalone-faults.js';

describe('one Redis', () => {
  let redis: Standalone;
  beforeAll(async () => {
    redis = await Standalone.start();
  });
  afterAll(() => redis.stop());

  const named = standaloneFaults(() => redis).map((fault) => [fault.name, fault] as const);

  it.each(named)('%s: this package keeps its promises', async (_, fault) => {
    expect(await measure(fault)).toEqual([]);
  });
});
