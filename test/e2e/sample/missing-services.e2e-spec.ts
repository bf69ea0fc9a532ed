import { describe, expect, it } from 'vitest';
import { useRedis } from '../../support/redis.js';
import { countConnections } from './counted-connections.js';
import { Gateway } from './gateway.js';
import { hang, startService } from './sample-process.js';
import { SESSION_SECRET } from './session-tokens.js';

const NOBODY_TAKES_IT = {
  status: 503,
  body: {
    statusCode: 503,
    error: 'Service Unavailable',
    message: 'No service receives this at the moment. Try again later.',
  },
};
const ACTIVITY_AWAY = {
  status: 503,
  body: { statusCode: 503, message: 'The activity service is away. Try again in a moment.' },
};
/** More than the gateway waits for the activity service, less than a client waits for a gateway; ms. */
const CEILING = 10_000;

describe('a gateway of the sample', () => {
  const redis = useRedis();
  const env = () => ({ REDIS_URL: redis.url, SESSION_SECRET });

  async function startGateway(more: NodeJS.ProcessEnv = {}): Promise<Gateway> {
    const service = await startService('gateway', { ...env(), ...more });
    return new Gateway(await service.url());
  }

  it('answers 503 to a message without an instance of notifications, and 202 with one', async () => {
    const gateway = await startGateway();
    const administrator = gateway.administrator();
    const stream = await administrator.openStream();
    const send = () =>
      Promise.all([
        administrator.message(administrator, 'Do you hear?'),
        administrator.broadcast({ title: 'Does', message: 'anybody hear?' }),
      ]);
    expect(await send()).toEqual([NOBODY_TAKES_IT, NOBODY_TAKES_IT]);

    await startService('notifications', env());
    const taken = { status: 202, body: { receivers: 1 } };
    expect(await send()).toEqual([taken, taken]);
    await stream.has('notification', 2);
    expect((await administrator.inbox()).notifications).toHaveLength(1);
  });

  it('answers 503 while the activity service hangs, and keeps no connection to it', async () => {
    const activity = await startService('activity', env());
    const connections = await countConnections(await activity.url());
    const ann = (await startGateway({ ACTIVITY_URL: connections.url })).user();
    hang(activity);

    const start = performance.now();
    const answering = Promise.all([ann.posts(), ann.like('p1'), ann.comment('p1', 'Hello?')]);
    await connections.reach(3);
    expect(await answering).toEqual([ACTIVITY_AWAY, ACTIVITY_AWAY, ACTIVITY_AWAY]);
    expect(performance.now() - start).toBeLessThan(CEILING);
    await connections.reach(0);

    activity.signal('SIGCONT');
    expect(await ann.posts()).toMatchObject({ status: 200 });
  });
});
