import { describe, expect, it } from 'vitest';
import { startService } from './sample-process.js';
import { Gateway, newUserId, Visitor } from './gateway.js';
import { SESSION_SECRET, signToken } from './session-tokens.js';
import { useSample } from './use-sample.js';

const SIGN_IN_FIRST = { statusCode: 401, error: 'Unauthorized', message: 'Sign in first' };
const NOT_YOURS = { statusCode: 403, error: 'Forbidden', message: 'This belongs to another user' };

const alice = { id: 'alice', name: 'Alice', isAdministrator: false };

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

const ownRoutes = (id: string) =>
  [
    ['GET', `/api/users/${id}/notifications`],
    ['GET', `/api/users/${id}/notifications/unread`],
    ['POST', `/api/users/${id}/notifications/read`],
    ['POST', `/api/users/${id}/notifications/some-id/read`],
    ['GET', `/api/users/${id}/stream`],
  ] as const;

const PROTECTED = [
  ...ownRoutes('alice'),
  ['GET', '/api/session'],
  ['POST', '/api/users/alice/messages'],
  ['POST', '/api/users/alice/notifications'],
  ['POST', '/api/broadcasts'],
  ['GET', '/api/activity/posts'],
  ['PUT', '/api/activity/posts/p1/like'],
  ['DELETE', '/api/activity/posts/p1/like'],
  ['POST', '/api/activity/posts/p1/comments'],
  ['GET', '/api/activity/following'],
  ['PUT', '/api/activity/users/alice/follow'],
  ['DELETE', '/api/activity/users/alice/follow'],
] as const;

describe('a session of the sample', () => {
  const sample = useSample();

  describe('signing in and out', () => {
    it('lists every user who can sign in', async () => {
      expect(await sample.first.visitor().get('/api/people')).toEqual({
        status: 200,
        body: [
          alice,
          { id: 'bob', name: 'Bob', isAdministrator: false },
          { id: 'carol', name: 'Carol', isAdministrator: false },
          { id: 'dave', name: 'Dave', isAdministrator: true },
        ],
      });
    });

    it('sets a cookie for this site, without access for scripts, with a name per gateway', async () => {
      for (const gateway of [sample.first, sample.second]) {
        const response = await gateway.visitor().fetch('/api/session', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: '{"userId":"alice"}',
        });
        const [cookie = '', ...others] = response.headers.getSetCookie();
        expect(others).toEqual([]);
        const [pair, ...attributes] = cookie.split('; ');
        expect(pair).toMatch(new RegExp(`^${gateway.cookieName}=[\\w.-]+$`));
        expect(attributes).toEqual(
          expect.arrayContaining(['HttpOnly', 'SameSite=Strict', 'Path=/', 'Max-Age=43200']),
        );
      }
    });

    it('returns the user and the gateway', async () => {
      const visitor = sample.second.visitor();
      const signedIn = { status: 200, body: { user: alice, instance: 'gateway-2' } };
      expect(await visitor.get('/api/session')).toEqual({ status: 401, body: SIGN_IN_FIRST });
      expect(await visitor.post('/api/session', { userId: 'alice' })).toEqual(signedIn);
      expect(await visitor.get('/api/session')).toEqual(signedIn);
    });

    it('clears the cookie at the sign-out', async () => {
      const visitor = await sample.first.signIn('alice');
      expect(visitor.cookie).toBeDefined();
      expect(await visitor.delete('/api/session')).toEqual({ status: 204, body: '' });
      expect(visitor.cookie).toBeUndefined();
      expect(await visitor.get('/api/session')).toMatchObject({ status: 401 });
      expect(await visitor.delete('/api/session')).toMatchObject({ status: 204 });
    });

    it('changes the user at another sign-in', async () => {
      const visitor = await sample.first.signIn('alice');
      await visitor.post('/api/session', { userId: 'dave' });
      expect((await visitor.get('/api/session')).body).toMatchObject({
        user: { id: 'dave', isAdministrator: true },
      });
      expect(await visitor.get('/api/users/alice/notifications')).toMatchObject({ status: 403 });
    });
  });

  it.each(PROTECTED)('%s %s answers 401 without a session', async (method, path) => {
    for (const gateway of [sample.first, sample.second]) {
      const answer = await gateway.visitor().request(method, path);
      expect(answer).toEqual({ status: 401, body: SIGN_IN_FIRST });
    }
  });

  describe.each([
    ['nonsense', 'nonsense'],
    ['one with nothing in it', '..'],
    ['an expired one', signToken(alice, { expiresIn: -1 })],
    ['one that another secret signed', signToken(alice, { secret: SESSION_SECRET.toUpperCase() })],
    ['one that is signed in another way', signToken(alice, { algorithm: 'HS512' })],
    [
      'one that is not signed',
      `${base64({ alg: 'none', typ: 'JWT' })}.${base64({ sub: 'alice' })}.`,
    ],
    ['one whose signature is cut off', signToken(alice).replace(/[^.]+$/, '')],
    [
      'one of which the user was changed',
      signToken({ id: 'bob' }).replace(/\..*\./, `.${base64({ sub: 'alice' })}.`),
    ],
    ['an object in the place of one', `j:${JSON.stringify({ sub: 'alice' })}`],
  ])('with a token that is %s', (_what, token) => {
    it.each([
      ['GET', '/api/session'],
      ['GET', '/api/users/alice/notifications'],
      ['GET', '/api/users/alice/stream'],
      ['POST', '/api/broadcasts'],
      ['GET', '/api/activity/posts'],
    ])('%s %s answers 401', async (method, path) => {
      const visitor = sample.first.visitor(encodeURIComponent(token));
      expect(await visitor.request(method, path)).toEqual({ status: 401, body: SIGN_IN_FIRST });
      const response = await fetch(sample.first.url + path, {
        method,
        headers: { authorization: `Bearer ${token}` },
      });
      expect(response.status).toBe(401);
    });
  });

  it('answers 401 to a token that is no valid header, and continues', async () => {
    const activity = await startService('activity', sample.env);
    const ACTIVITY_URL = await activity.url();
    const service = await startService('gateway', { ...sample.env, ACTIVITY_URL });
    const gateway = new Gateway(await service.url());
    for (const token of ['\n', '€', '\0', 'a\r\nx-injected: yes']) {
      const visitor = gateway.visitor(encodeURIComponent(token));
      expect(await visitor.get('/api/users/alice/stream')).toMatchObject({ status: 401 });
      expect(await visitor.get('/api/activity/posts')).toMatchObject({ status: 401 });
    }
  });

  describe.each(['mallory', 'Alice', 'a.b', '*', 'a/b', 'a\n', '{a}', `user-${'x'.repeat(64)}`])(
    'of %j, a user that does not exist,',
    (id) => {
      it.each([...ownRoutes(encodeURIComponent(id)), ...PROTECTED])(
        '%s %s answers 401',
        async (method, path) => {
          for (const isAdministrator of [false, true]) {
            const user = sample.first.user(id, isAdministrator);
            expect(await user.request(method, path)).toEqual({ status: 401, body: SIGN_IN_FIRST });
          }
        },
      );
    },
  );

  it('is unknown to the other gateway with the cookie of the first', async () => {
    const { cookie } = await sample.first.signIn('alice');
    const there = new Visitor(sample.second.url, 'alice', cookie);
    expect(await there.get('/api/session')).toMatchObject({ status: 401 });
  });

  describe('for the data of another user', () => {
    it.each(ownRoutes(':userId'))('%s %s answers 403 without any data', async (method, path) => {
      const [ann, bob] = [sample.first.user(), sample.second.user()];
      const stream = await bob.openStream();
      await ann.message(bob, 'A secret of theirs');
      await stream.has('notification');
      const id = stream.notifications[0]?.id ?? '';

      const route = path.replace(':userId', bob.id).replace('some-id', id);
      expect(await ann.request(method, route)).toEqual({ status: 403, body: NOT_YOURS });
      expect(await bob.unread()).toEqual({ status: 200, body: { unread: 1 } });
      const channel = `sample:notifications.user.${bob.id}`;
      expect(await sample.redis.client.pubsub('NUMSUB', channel)).toEqual([channel, 1]);
      expect(stream.of('read')).toEqual([]);
    });

    it('answers 403 also when only the case or an escape is different', async () => {
      const id = newUserId();
      const ann = sample.first.user(id);
      for (const other of [id.toUpperCase(), `${id}%20`, `${id}%00`, `${id}%2F..%2F${id}`]) {
        const { status } = await ann.get(`/api/users/${other}/notifications`);
        expect(status).toBe(403);
      }
    });
  });

  describe('the inspector page', () => {
    const path = '/api/pubsub';

    it('is for an administrator', async () => {
      const dave = await sample.first.signIn('dave');
      const page = await dave.fetch(path);
      expect([page.status, page.headers.get('content-type')]).toEqual([
        200,
        expect.stringContaining('text/html'),
      ]);
    });

    it('is forbidden for others', async () => {
      const alice = await sample.first.signIn('alice');
      expect((await alice.fetch(path)).status).toBe(403);
      expect((await fetch(sample.first.url + path)).status).toBe(401);
    });
  });

  describe('a broadcast', () => {
    const text = { title: 'Hear, hear', message: 'I am no administrator' };

    it.each(['alice', 'bob', 'carol'])('is forbidden for %s', async (userId) => {
      const listener = await sample.second.user().openStream();
      const visitor = await sample.first.signIn(userId);
      expect(await visitor.broadcast(text)).toEqual({
        status: 403,
        body: { statusCode: 403, error: 'Forbidden', message: 'Only an administrator may do this' },
      });
      await sample.first.administrator().broadcast({ title: 'True', message: 'one' });
      await listener.has('notification');
      expect(listener.titles).toEqual(['True']);
    });

    it.each(['alice', 'bob', 'carol'])('so is a notice to a user for %s', async (userId) => {
      const ann = sample.second.user();
      const visitor = await sample.first.signIn(userId);
      for (const user of [ann, visitor]) {
        expect(await visitor.notify(user, text)).toMatchObject({
          status: 403,
          body: { message: 'Only an administrator may do this' },
        });
      }
      expect(await ann.inbox()).toMatchObject({ notifications: [] });
    });

    it('is allowed for Dave, who is an administrator', async () => {
      const dave = await sample.first.signIn('dave');
      expect(await dave.broadcast(text)).toEqual({ status: 202, body: { receivers: 1 } });
    });
  });
});
