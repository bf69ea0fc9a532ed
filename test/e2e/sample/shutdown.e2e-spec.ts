import { describe, expect, it } from 'vitest';
import { useRedis } from '../../support/redis.js';
import { countConnections } from './counted-connections.js';
import { Gateway } from './gateway.js';
import { KeepAlivePage } from './keep-alive-page.js';
import { hang, startSample, startService, type ServiceProcess } from './sample-process.js';
import { SESSION_SECRET } from './session-tokens.js';
import { BACKLOG, StalledClient } from './stalled-client.js';
import { gatewaysOf } from './use-sample.js';

/** The time limit of a shutdown, in milliseconds. The launcher waits longer before it kills. */
const CEILING = 8_000;

/** The exit of a service after SIGTERM, or after SIGKILL if it exceeds the limit. */
function end(service: ServiceProcess): ServiceProcess['exited'] {
  service.signal('SIGTERM');
  const timer = setTimeout(() => service.signal('SIGKILL'), CEILING);
  return service.exited.finally(() => clearTimeout(timer));
}

describe('SIGTERM ends', () => {
  const redis = useRedis();
  const env = () => ({ REDIS_URL: redis.url, SESSION_SECRET });

  async function startGateway(more: NodeJS.ProcessEnv = {}) {
    const service = await startService('gateway', { ...env(), ...more });
    return { service, gateway: new Gateway(await service.url()) };
  }

  describe('a gateway', () => {
    const ENDED = { code: null, signal: 'SIGTERM' };

    it('although its page opens another stream on the connection of the first', async () => {
      const { service, gateway } = await startGateway();
      const page = new KeepAlivePage(gateway.user());
      await page.open();
      expect(await end(service)).toEqual(ENDED);
      expect(page.reopened).toBeGreaterThan(0);
    });

    it('although a client does not read its backlog', async () => {
      const { service, gateway } = await startGateway();
      const client = await StalledClient.open(gateway.user());
      await client.fallBehind(redis.client, service);
      expect(await end(service)).toEqual(ENDED);
      expect(await client.readRest()).toBeLessThan(BACKLOG);
      expect(service.output).not.toMatch(/ERROR|WARN/);
    });

    it('although the activity service hangs in the middle of a request', async () => {
      const activity = await startService('activity', env());
      const connections = await countConnections(await activity.url());
      const { service, gateway } = await startGateway({ ACTIVITY_URL: connections.url });
      hang(activity);
      const request = gateway
        .user()
        .posts()
        .catch(() => undefined);
      await connections.reach(1);
      expect(await end(service)).toEqual(ENDED);
      await request;
    });
  });

  it('the sample without SIGKILL, although a page stays and a client does not read', async () => {
    const sample = await startSample(env());
    const [first, second] = gatewaysOf(sample);
    const page = new KeepAlivePage(first.user());
    await page.open();
    const client = await StalledClient.open(second.user());
    await client.fallBehind(redis.client, sample);
    sample.signal('SIGTERM');
    expect(await sample.exited).toEqual({ code: 0, signal: null });
    expect(page.reopened).toBeGreaterThan(0);
    expect(await client.readRest()).toBeLessThan(BACKLOG);
    expect(sample.output).not.toMatch(/did not exit|ERROR|WARN/);
  });
});
