import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Server } from 'node:http';
import type { Type } from '@nestjs/common';
import request from 'supertest';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { RedisPubSubService } from 'nestjs-redis-pubsub';
import type { TestLog } from '../../support/app.js';
import { loadPage } from '../../support/pages.js';
import { eventually, useRedis } from '../../support/redis.js';
import { createHttpApp } from '../module/apps.js';

const PAGE = readFileSync('docs/recipes/event-form.md', 'utf8');

/** Whether a program can be run. */
const runs = (...args: [string, string[]]): boolean => {
  try {
    execFileSync(...args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

describe('the recipe for events of the form { type, timestamp, data }', () => {
  const redis = useRedis();
  let AppModule: Type;
  let log: TestLog;
  let service: RedisPubSubService;
  let http: Server;
  /** What another program receives: channels and texts. */
  let foreign: [channel: string, text: string][];

  beforeAll(async () => {
    vi.stubEnv('REDIS_URL', redis.url);
    const page = loadPage('recipes/event-form');
    ({ AppModule } = await page.import<{ AppModule: Type }>('src/app.module.ts'));
    return () => vi.unstubAllEnvs();
  });

  beforeEach(async () => {
    const started = await createHttpApp({ imports: [AppModule] });
    ({ log } = started);
    await started.app.init();
    service = started.app.get(RedisPubSubService);
    http = started.app.getHttpServer() as Server;
    foreign = [];
    const reader = redis.client.duplicate();
    reader.on('pmessage', (_: string, channel: string, text: string) =>
      foreign.push([channel, text]),
    );
    await reader.psubscribe('user:*:notifications');
    return () => reader.disconnect();
  });

  const logged = (line: string) => eventually(() => log.of('log').includes(line));

  it('sends the bare event, which its own handler and other programs receive', async () => {
    const { body } = await request(http).post('/users/42/followers/alice');
    expect(body).toEqual({ receivers: 2 });
    await eventually(() => foreign.length > 0);
    const [[channel, text] = []] = foreign;
    expect(channel).toBe('user:42:notifications');
    expect(JSON.parse(text ?? '')).toEqual({
      type: 'user_followed',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
      data: { follower_id: 'alice' },
    });
    await logged('42 has a new follower: alice');
  });

  it.skipIf(!runs('python3', ['--version']))('receives what a Python program sends', async () => {
    const [, program = ''] = /^```python\n(.*?)^```/ms.exec(PAGE) ?? [];
    const path = runs('python3', ['-c', 'import redis']) ? '' : resolve('test/support/python');
    execFileSync('python3', ['-c', program], {
      env: { ...process.env, PYTHONPATH: path, REDIS_URL: redis.url },
    });
    await logged('bob likes a post of 42');
    expect(foreign).toHaveLength(1);
  });

  it('receives an event in a packet of Nest, too', async () => {
    const timestamp = new Date(0).toISOString();
    await service.publish('user:7:notifications', {
      type: 'user_followed',
      timestamp,
      data: { follower_id: 'eve' },
    });
    await logged('7 has a new follower: eve');
    expect(foreign.map(([, text]) => Object.keys(JSON.parse(text) as object))).toEqual([
      ['pattern', 'data', 'mid'],
    ]);
  });

  it('has one channel for each user, whatever the id', async () => {
    await request(http).post(`/users/${encodeURIComponent('a:b.c/*')}/followers/alice`);
    await logged('a:b.c/* has a new follower: alice');
    expect(foreign.map(([channel]) => channel)).toEqual(['user:a%3Ab%2Ec%2F%2A:notifications']);
  });

  it('rejects other forms with a warning, and goes on', async () => {
    const wrong = { type: 7, timestamp: new Date(0), data: {} };
    await redis.client.publish('user:42:notifications', JSON.stringify(wrong));
    await request(http).post('/users/42/followers/alice');
    await logged('42 has a new follower: alice');
    expect(log.of('warn')).toEqual([
      expect.stringMatching(
        /^The handler of "user::id:notifications" failed on "user:42:notifications": BadRequestException: type must be a string\b/,
      ),
    ]);
    expect(log.of('error')).toEqual([]);
  });
});
