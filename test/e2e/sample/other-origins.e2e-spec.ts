import { describe, expect, it } from 'vitest';
import type { Answer, Gateway, Visitor } from './gateway.js';
import { useSample } from './use-sample.js';

const REFUSED = {
  status: 403,
  body: { statusCode: 403, message: 'Requests from another site are not allowed' },
};

const MESSAGE = { text: 'Hello' };
/** Every request with a change, in an order in which each succeeds. */
const CHANGES = [
  ['POST', '/api/session', { userId: 'alice' }, 200],
  ['POST', '/api/users/:me/messages', MESSAGE, 202],
  ['POST', '/api/users/:me/notifications/read', undefined, 200],
  ['POST', '/api/users/:me/notifications/no-such-id/read', undefined, 404],
  ['POST', '/api/broadcasts', { title: 'Hear', message: 'me' }, 202],
  ['PUT', '/api/activity/posts/p1/like', undefined, 200],
  ['DELETE', '/api/activity/posts/p1/like', undefined, 200],
  ['POST', '/api/activity/posts/p1/comments', MESSAGE, 201],
  ['PUT', '/api/activity/users/alice/follow', undefined, 200],
  ['DELETE', '/api/activity/users/alice/follow', undefined, 200],
  ['DELETE', '/api/session', undefined, 204],
] as const;
const READS = ['/', '/api/people', '/api/session', '/api/activity/posts'];

const SAME_SITE = { 'sec-fetch-site': 'same-origin' };
/** The headers of a page of another origin. Over plain HTTP a browser sends no site, except to localhost. */
const OTHER_ORIGINS: readonly (readonly [
  name: string,
  headersFor: (gateway: Gateway) => Record<string, string>,
])[] = [
  ['the site cross-site', () => ({ 'sec-fetch-site': 'cross-site' })],
  ['the site same-site', () => ({ 'sec-fetch-site': 'same-site' })],
  ['an unknown site', () => ({ 'sec-fetch-site': 'anywhere' })],
  ['another host', () => ({ origin: 'http://other.example' })],
  ['another port', () => ({ origin: 'http://localhost:1' })],
  ['no port', () => ({ origin: 'http://localhost' })],
  ['a longer name', ({ url }) => ({ origin: `${url}.other.example` })],
  ['a name before the host', ({ url }) => ({ origin: url.replace('//', '//other.') })],
  ['an opaque origin', () => ({ origin: 'null' })],
  ['an empty origin', () => ({ origin: '' })],
  ['an origin that is no URL', () => ({ origin: 'nonsense' })],
  ['two origins', ({ url }) => ({ origin: `${url}, http://other.example` })],
  ['another host, and the own site', () => ({ ...SAME_SITE, origin: 'http://other.example' })],
  ['the own host, and another site', ({ url }) => ({ 'sec-fetch-site': 'same-site', origin: url })],
];
/** A request as a browser sends it from a page, or as a program without the headers of a browser. */
async function ask(
  visitor: Visitor,
  [method, path, body]: readonly [method: string, path: string, body?: object],
  headers: Record<string, string> = {},
): Promise<Answer & { readonly setsCookie: boolean }> {
  const response = await visitor.fetch(path.replace(':me', visitor.id), {
    method,
    headers: {
      ...headers,
      ...(body && { 'content-type': 'application/json' }),
    },
    body: body && JSON.stringify(body),
  });
  const isJson = response.headers.get('content-type')?.includes('json');
  return {
    status: response.status,
    body: isJson ? await response.json() : await response.text(),
    setsCookie: response.headers.has('set-cookie'),
  };
}

describe('a request to the sample from another origin', () => {
  const sample = useSample();

  describe.each(OTHER_ORIGINS)('(%s)', (_name, headersFor) => {
    it.each(CHANGES)('%s %s is answered 403', async (method, path, body) => {
      const dave = sample.first.administrator();
      expect(await ask(dave, [method, path, body], headersFor(sample.first))).toEqual({
        ...REFUSED,
        setsCookie: false,
      });
    });

    it('changes nothing', async () => {
      const administrator = sample.first.administrator();
      const stream = await administrator.openStream();
      const { body: posts } = await administrator.posts();
      for (const [method, path, body] of CHANGES) {
        await ask(administrator, [method, path, body], headersFor(sample.first));
      }
      expect(await administrator.posts()).toEqual({ status: 200, body: posts });
      expect(await administrator.following()).toEqual({ status: 200, body: [] });
      await administrator.message(administrator, 'last');
      await stream.has('notification');
      expect(stream.notifications).toEqual([expect.objectContaining({ message: 'last' })]);
    });

    it.each(READS)('may read %s', async (path) => {
      const user = sample.first.user();
      expect(await ask(user, ['GET', path], headersFor(sample.first))).toMatchObject({
        status: 200,
      });
    });

    it.each(['GET', 'HEAD'])('opens no stream with %s', async (method) => {
      const user = sample.first.user();
      const { url, headers } = user.streamRequest();
      const all = { ...headers, ...headersFor(sample.first) };
      const response = await fetch(url, { method, headers: all });
      expect(response.status).toBe(403);
      const channel = `sample:notifications.user.${user.id}`;
      expect(await sample.redis.client.pubsub('NUMSUB', channel)).toEqual([channel, 0]);
    });
  });

  it.each<[string, (gateway: Gateway) => Record<string, string>]>([
    ['the own site', () => SAME_SITE],
    ['an address that the user typed', () => ({ 'sec-fetch-site': 'none' })],
    ['the own origin', ({ url }) => ({ origin: url })],
    ['both', ({ url }) => ({ ...SAME_SITE, origin: url })],
    ['neither, from a program', () => ({})],
  ])('is allowed with %s', async (_name, headersFor) => {
    const headers = headersFor(sample.first);
    const administrator = sample.first.administrator();
    for (const [method, path, body, status] of CHANGES) {
      // A sign-in changes the user of the next requests.
      const visitor = path === '/api/session' ? sample.first.user() : administrator;
      const answer = await ask(visitor, [method, path, body], headers);
      expect([method, path, answer.status]).toEqual([method, path, status]);
    }
    for (const path of READS) {
      expect(await ask(administrator, ['GET', path], headers)).toMatchObject({ status: 200 });
    }
    const { url, headers: own } = administrator.streamRequest();
    const stream = await fetch(url, { headers: { ...own, ...headers } });
    expect(stream.status).toBe(200);
    await stream.body?.cancel();
  });
});
