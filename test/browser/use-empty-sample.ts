import { beforeEach } from 'vitest';
import { useSample, type TestSample } from '../e2e/sample/use-sample.js';

/** The sample of a file. Each test starts without notifications, likes, comments and followers. */
export function useEmptySample(): TestSample {
  const sample = useSample();
  beforeEach(async () => {
    await sample.redis.client.flushall();
  });
  return sample;
}
