import { afterAll, beforeAll } from 'vitest';
import { useRedis, type TestRedis } from '../../support/redis.js';
import { Gateway } from './gateway.js';
import { SampleProcess } from './sample-process.js';
import { SESSION_SECRET } from './session-tokens.js';

/** The running sample of a file. */
export interface TestSample {
  readonly process: SampleProcess;
  readonly redis: TestRedis;
  readonly first: Gateway;
  readonly second: Gateway;
  /** The environment for another process of the sample. */
  readonly env: NodeJS.ProcessEnv;
}

/** Starts the sample before the tests of a file, on their own Redis, and stops it after them. */
export function useSample(settings: NodeJS.ProcessEnv = {}): TestSample {
  const redis = useRedis();
  let sample: SampleProcess | undefined;
  beforeAll(async () => {
    sample = new SampleProcess({ REDIS_URL: redis.url, SESSION_SECRET, ...settings });
    await sample.ready();
  });
  afterAll(() => sample?.stop());
  const running = (): SampleProcess => {
    if (!sample) throw new Error('The sample of this file is not started yet');
    return sample;
  };
  return {
    redis,
    get process() {
      return running();
    },
    get first() {
      return gatewaysOf(running())[0];
    },
    get second() {
      return gatewaysOf(running())[1];
    },
    get env() {
      return { REDIS_URL: redis.url, SESSION_SECRET };
    },
  };
}

/** The two gateways of a sample that is ready. */
export function gatewaysOf({ gatewayUrls }: SampleProcess): [first: Gateway, second: Gateway] {
  const [first = '', second = ''] = gatewayUrls;
  return [new Gateway(first, 'session-gateway-1'), new Gateway(second, 'session-gateway-2')];
}
