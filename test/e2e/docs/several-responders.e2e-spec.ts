import type { INestApplication, Type } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startService } from '../../support/app.js';
import { requestHandler } from '../../support/handlers.js';
import { loadPage } from '../../support/pages.js';
import { useRedis } from '../../support/redis.js';
import { startHttpApp } from '../module/apps.js';

interface Answer {
  readonly instances: readonly { readonly instance: string; readonly visits: number }[];
  readonly failed: number;
}

const get = async (app: INestApplication, path: string): Promise<Response> =>
  fetch(`${await app.getUrl()}${path}`);

const statsOf = async (app: INestApplication): Promise<Answer> =>
  (await get(app, '/stats')).json() as Promise<Answer>;

const visitsIn = ({ instances }: Answer): number[] =>
  instances.map(({ visits }) => visits).toSorted();

const fail = (): never => {
  throw new RpcException('still starting');
};

describe('the recipe "Several responders"', () => {
  const redis = useRedis();
  const { REDIS_URL } = process.env;
  let AppModule: Type;

  beforeAll(async () => {
    process.env.REDIS_URL = redis.url;
    const page = loadPage('recipes/several-responders');
    ({ AppModule } = await page.import<{ AppModule: Type }>('src/app.module.ts'));
  });
  afterAll(() => {
    if (REDIS_URL === undefined) delete process.env.REDIS_URL;
    else process.env.REDIS_URL = REDIS_URL;
  });

  const start = async (): Promise<INestApplication> =>
    (await startHttpApp({ imports: [AppModule] })).app;

  it('gives the counts of all instances, from each of them', async () => {
    const [one, two] = [await start(), await start()];
    for (const app of [one, one, two])
      expect(await (await get(app, '/')).text()).toContain('Hello');
    for (const app of [one, two]) {
      const stats = await statsOf(app);
      expect(visitsIn(stats)).toEqual([1, 2]);
      expect(new Set(stats.instances.map(({ instance }) => instance)).size).toBe(2);
      expect(stats.failed).toBe(0);
    }
  });

  it('ends at the timeout, with the answers that came, if a subscriber never answers', async () => {
    const app = await start();
    const silent = redis.client.duplicate();
    await silent.subscribe('stats.get');
    expect(visitsIn(await statsOf(app))).toEqual([0]);
    silent.disconnect();
  });

  it('counts an instance that fails beside the others', async () => {
    const app = await start();
    await startService(requestHandler('stats.get', fail), { connection: redis.url });
    const stats = await statsOf(app);
    expect(visitsIn(stats)).toEqual([0]);
    expect(stats.failed).toBe(1);
  });
});
