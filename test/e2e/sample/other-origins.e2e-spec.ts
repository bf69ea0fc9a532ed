import { describe, expect, it } from 'vitest';
import type { Answer, Visitor } from './gateway.js';
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

/** A request as a browser sends it from a page of this site, or as a program without a site. */
async function ask(
  visitor: Visitor,
  [method, path, body]: readonly [method: string, path: string, body?: object],
  site?: string,
): Promise<Answer & { readonly setsCookie: boolean }> {
  const response = await visitor.fetch(path.replace(':me', visitor.id), {
    method,
    headers: {
      ...(site && { 'sec-fetch-site': site }),
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

  describe.each(['cross-site', 'same-site'])('(%s)', (site) => {
    it.each(CHANGES)('%s %s is answered 403', async (method, path, body) => {
      const dave = sample.first.administrator();
      expect(await ask(dave, [method, path, body], site)).toEqual({
        ...REFUSED,
        setsCookie: false,
      });
    });

    it('changes nothing', async () => {
      const administrator = sample.first.administrator();
      const stream = await administrator.openStream();
      const { body: posts } = await administrator.posts();
      for (const [method, path, body] of CHANGES) {
        await ask(administrator, [method, path, body], site);
      }
      expect(await administrator.posts()).toEqual({ status: 200, body: posts });
      expect(await administrator.following()).toEqual({ status: 200, body: [] });
      await administrator.message(administrator, 'last');
      await stream.has('notification');
      expect(stream.notifications).toEqual([expect.objectContaining({ message: 'last' })]);
    });

    it.each(READS)('may read %s', async (path) => {
      const user = sample.first.user();
      expect(await ask(user, ['GET', path], site)).toMatchObject({ status: 200 });
    });
  });

  it.each(['same-origin', 'none', undefined])('is allowed with the site %s', async (site) => {
    const administrator = sample.first.administrator();
    for (const [method, path, body, status] of CHANGES) {
      // A sign-in changes the user of the next requests.
      const visitor = path === '/api/session' ? sample.first.user() : administrator;
      const answer = await ask(visitor, [method, path, body], site);
      expect([method, path, answer.status]).toEqual([method, path, status]);
    }
    for (const path of READS) {
      expect(await ask(administrator, ['GET', path], site)).toMatchObject({ status: 200 });
    }
  });
});
