import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { json, text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { useRedis } from '../../support/redis.js';
import { startService } from './sample-process.js';
import { SESSION_SECRET } from './session-tokens.js';
import { useSample } from './use-sample.js';

const REFUSED = {
  statusCode: 403,
  message: 'This host name is not allowed. To allow it, add it to ALLOWED_HOSTS.',
};

/** A request with a `Host` header of its own; `fetch` would replace it. */
async function get(url: string, path: string, host: string, method = 'GET') {
  const { hostname, port } = new URL(url);
  const asking = request({ hostname, port, path, method, headers: { host } }).end();
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  return response;
}

const statusOf = async (...args: Parameters<typeof get>): Promise<number | undefined> => {
  const response = await get(...args);
  await text(response);
  return response.statusCode;
};

/** The outcome of a connection to another loopback address than 127.0.0.1, which Linux has. */
async function connectTo(address: string, url: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), address);
  try {
    await once(socket, 'connect');
    return 'connected';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? '';
  } finally {
    socket.destroy();
  }
}

describe('a request to the sample for a host name', () => {
  const sample = useSample();

  it.each(['localhost', 'LOCALHOST', '127.0.0.1', '[::1]', '[::1]:3000', 'localhost:1'])(
    '%s is answered',
    async (host) => {
      expect(await statusOf(sample.first.url, '/', host)).toBe(200);
      expect(await statusOf(sample.first.url, '/api/people', host)).toBe(200);
      // Without a session: the request has reached the activity service, which has another host name.
      expect(await statusOf(sample.first.url, '/api/activity/posts', host)).toBe(401);
    },
  );

  describe.each([
    'other.example',
    'other.example:3000',
    'localhost.other.example',
    'other.localhost',
    'localhost@other.example',
    'other.example@localhost',
    'localhost/other',
    '127.0.0.1.other.example',
    '127.0.0.2',
    '0.0.0.0',
    '[::]',
    '::1',
  ])('%j', (host) => {
    it.each([
      ['GET', '/'],
      ['GET', '/main.js'],
      ['GET', '/vendor/lit-html/lit-html.js'],
      ['GET', '/api/people'],
      ['GET', '/api/users/alice/stream'],
      ['GET', '/api/activity/posts'],
      ['POST', '/api/session'],
      ['PUT', '/api/activity/posts/p1/like'],
      ['OPTIONS', '/'],
    ])('%s %s is answered 403', async (method, path) => {
      const response = await get(sample.first.url, path, host, method);
      expect(response.statusCode).toBe(403);
      expect(await json(response)).toEqual(REFUSED);
    });
  });

  it('that is missing is answered 403', async () => {
    const socket = connect(Number(new URL(sample.first.url).port), '127.0.0.1');
    socket.end('GET /api/people HTTP/1.0\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1.1 403 /);
  });

  it('of ALLOWED_HOSTS is answered, by either kind of service', async () => {
    const env = { ...sample.env, ALLOWED_HOSTS: 'Sample.example, other.example' };
    for (const [service, path, status] of [
      ['gateway', '/api/people', 200],
      ['activity', '/api/activity/posts', 404],
    ] as const) {
      const url = await (await startService(service, env)).url();
      for (const host of ['sample.example', 'other.example:3000', 'localhost']) {
        expect(await statusOf(url, path, host)).toBe(status);
      }
      expect(await statusOf(url, path, 'third.example')).toBe(403);
    }
  });
});

describe.each(['gateway', 'activity'] as const)('the %s of the sample', (service) => {
  const redis = useRedis();
  const env = () => ({ REDIS_URL: redis.url, SESSION_SECRET });

  it('is reachable from this machine only', async () => {
    const url = await (await startService(service, env())).url();
    expect(await connectTo('127.0.0.1', url)).toBe('connected');
    expect(await connectTo('127.0.0.2', url)).toBe('ECONNREFUSED');
  });

  it.skipIf(process.platform !== 'linux')('is reachable at the address LISTEN_HOST', async () => {
    const open = { ...env(), LISTEN_HOST: '0.0.0.0' };
    const url = await (await startService(service, open)).url();
    expect(await connectTo('127.0.0.2', url)).toBe('connected');
  });
});

describe('the whole sample with LISTEN_HOST', () => {
  const sample = useSample({ LISTEN_HOST: '0.0.0.0' });

  it.skipIf(process.platform !== 'linux')('opens the gateways, and says so', async () => {
    for (const { url } of [sample.first, sample.second]) {
      expect(await connectTo('127.0.0.2', url)).toBe('connected');
    }
    expect(sample.process.output).toContain(
      'LISTEN_HOST=0.0.0.0: other machines may reach these addresses, and sign in as any user.',
    );
  });
});
