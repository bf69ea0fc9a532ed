import { request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { Answer } from './gateway.js';
import { useSample } from './use-sample.js';

const OVERLONG = 'x'.repeat(65);
const BAD_ID = 'userId must be 1 to 64 letters, digits, _ or -';
const BAD_TEXT = [
  [{}, 'text must be a string'],
  [{ text: '' }, 'text must be longer than or equal to 1'],
  [{ text: 'x'.repeat(501) }, 'text must be shorter than or equal to 500'],
  [{ text: 7 }, 'text must be a string'],
  [{ text: null }, 'text must be a string'],
  [{ text: ['x'] }, 'text must be a string'],
  [{ text: { length: 3 } }, 'text must be a string'],
  [[{ text: 'x' }], 'text must be a string'],
  ['{"text":', 'JSON'],
  ['"text"', 'JSON'],
  ['null', 'JSON'],
] as const;

/** The body of an answer to an invalid request. */
async function refusal(answering: Promise<Answer>): Promise<{ status: number; reasons: string }> {
  const { status, body } = await answering;
  const { message = '' } = body as { message?: string | string[] };
  return { status, reasons: [message].flat().join('; ') };
}

const because = (reason: string) => ({
  status: 400,
  reasons: expect.stringContaining(reason) as string,
});

const POLICY =
  "default-src 'self';object-src 'none';base-uri 'none';form-action 'self';frame-ancestors 'none'";

/** Requests the path unchanged: `fetch` would resolve the dots. */
async function getFile(url: string, path: string) {
  const { hostname, port } = new URL(url);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ hostname, port, path }, resolve).on('error', reject).end();
  });
  return { headers: response.headers, status: response.statusCode, body: await text(response) };
}

describe('a request to the sample', () => {
  const sample = useSample();

  describe('answers 400 with the reason', () => {
    it.each([
      [{}, 'userId must be a string'],
      [{ userId: 7 }, 'userId must be a string'],
      [{ userId: ['alice'] }, 'userId must be a string'],
      [{ userId: null }, 'userId must be a string'],
      [[{ userId: 'alice' }], 'userId must be a string'],
      [{ userId: '' }, 'There is no user ""'],
      [{ userId: 'mallory' }, 'There is no user "mallory"'],
      [{ userId: 'Alice' }, 'There is no user "Alice"'],
      [{ userId: '__proto__' }, 'There is no user "__proto__"'],
      [undefined, 'userId must be a string'],
      ['{"userId":', 'JSON'],
    ])('to signing in with %j', async (body, reason) => {
      const visitor = sample.first.visitor();
      expect(await refusal(visitor.post('/api/session', body))).toEqual(because(reason));
      expect(visitor.cookie).toBeUndefined();
    });

    it.each(BAD_TEXT)('to the message %j', async (body, reason) => {
      expect(await refusal(sample.first.user().post('/api/users/alice/messages', body))).toEqual(
        because(reason),
      );
    });

    it.each(BAD_TEXT)('to the comment %j', async (body, reason) => {
      expect(
        await refusal(sample.first.user().post('/api/activity/posts/p1/comments', body)),
      ).toEqual(because(reason));
    });

    it.each([
      [{}, 'title must be a string'],
      [{ title: 'x' }, 'message must be a string'],
      [{ message: 'x' }, 'title must be a string'],
      [{ title: '', message: 'x' }, 'title must be longer than or equal to 1'],
      [{ title: 'x'.repeat(101), message: 'x' }, 'title must be shorter than or equal to 100'],
      [{ title: 'x', message: '' }, 'message must be longer than or equal to 1'],
      [{ title: 'x', message: 'x'.repeat(501) }, 'message must be shorter than or equal to 500'],
      [{ title: 7, message: 'x' }, 'title must be a string'],
      [{ title: 'x', message: 'x', type: 'loud' }, 'type must be one of'],
      [{ title: 'x', message: 'x', type: 7 }, 'type must be one of'],
      [{ title: 'x', message: 'x', type: null }, 'type must be one of'],
      [{ title: 'x', message: 'x', type: ['info'] }, 'type must be one of'],
    ])('to the broadcast %j', async (body, reason) => {
      expect(await refusal(sample.first.administrator().post('/api/broadcasts', body))).toEqual(
        because(reason),
      );
    });

    it.each([
      '*',
      'a*',
      'a.b',
      'a:b',
      'a%2Fb',
      '%2E%2E%2F',
      '%20',
      'a%0A',
      '%00',
      'é',
      '{a}',
      '%5Ba%5D',
      '%3F',
      OVERLONG,
    ])('to the user id %s', async (id) => {
      const user = sample.first.user();
      expect(await refusal(user.post(`/api/users/${id}/messages`, { text: 'x' }))).toEqual(
        because(BAD_ID),
      );
      expect(await refusal(user.put(`/api/activity/users/${id}/follow`))).toEqual(because(BAD_ID));
      expect(await refusal(user.delete(`/api/activity/users/${id}/follow`))).toEqual(
        because(BAD_ID),
      );
    });

    it.each(['p0', 'p99', '*', 'p1%2F', 'p1%0A', 'constructor', 'x'.repeat(300)])(
      'to the post id %s',
      async (id) => {
        const user = sample.first.user();
        const reason = 'postId must be one of the following values: p4, p3, p2, p1';
        expect(await refusal(user.like(id))).toEqual(because(reason));
        expect(await refusal(user.unlike(id))).toEqual(because(reason));
        expect(await refusal(user.comment(id, 'x'))).toEqual(because(reason));
      },
    );

    it.each(['/api/users/%zz/notifications', '/api/users/%E0%A4%A/messages'])(
      'to %s, which is no UTF-8',
      async (path) => {
        expect(await refusal(sample.first.user().get(path))).toEqual(because('decode'));
      },
    );
  });

  it('accepts text of the maximum length', async () => {
    const user = sample.first.user();
    const longest = { id: `user-${'x'.repeat(59)}` };
    expect(await user.message(longest, 'x'.repeat(500))).toMatchObject({ status: 202 });
    expect(await user.follow(longest)).toMatchObject({ status: 200 });
    expect(await user.comment('p1', 'x'.repeat(500))).toMatchObject({ status: 201 });
  });

  it('has no user with an empty id', async () => {
    const user = sample.first.user('');
    expect(await user.get('/api/users//notifications')).toMatchObject({ status: 404 });
    expect(await user.put('/api/activity/users//follow')).toMatchObject({ status: 404 });
  });

  it('answers 413 to a body that is too large', async () => {
    const tooLarge = { text: 'x'.repeat(200_000) };
    const user = sample.first.user();
    for (const path of ['/api/users/alice/messages', '/api/activity/posts/p1/comments']) {
      expect(await user.post(path, tooLarge)).toMatchObject({ status: 413 });
    }
  });

  it('answers 404 in JSON for an unknown path', async () => {
    for (const path of ['/api', '/api/nothing', '/api/activity', '/api/activity/nothing']) {
      expect(await sample.first.user().get(path)).toMatchObject({
        status: 404,
        body: { statusCode: 404, message: expect.stringContaining('Cannot GET') },
      });
    }
  });

  it('ignores unknown fields of a body', async () => {
    const ann = sample.first.user();
    const stream = await ann.openStream();
    const body = {
      text: 'mine',
      id: 'x',
      userId: 'alice',
      actorId: 'alice',
      isAdministrator: true,
    };
    const sender = sample.second.user();
    await sender.post(`/api/users/${ann.id}/messages`, body);
    await stream.has('notification');
    expect(stream.notifications[0]).toMatchObject({
      userId: ann.id,
      data: { actorId: sender.id, text: 'mine' },
    });
  });

  describe('for a file', () => {
    it('serves the page, with a policy for this origin only', async () => {
      const { status, headers, body } = await getFile(sample.first.url, '/');
      expect({ status, type: headers['content-type'] }).toEqual({
        status: 200,
        type: expect.stringMatching(/^text\/html/),
      });
      expect(headers['content-security-policy']).toBe(POLICY);
      expect(headers['x-frame-options']).toBe('DENY');
      expect(body).toMatch(/^<!doctype html>/i);
      // The browser would block these under the policy.
      expect(body).not.toMatch(/(src|href)="(https?:)?\/\/|<style|\sstyle=|\son\w+=|<script>/);
      const files = [...body.matchAll(/\s(?:src|href)="([^"#]+)"/g)].map(([, path = '']) => path);
      expect(files.length).toBeGreaterThan(0);
      for (const file of files) {
        expect(
          await getFile(sample.first.url, new URL(file, sample.first.url).pathname),
        ).toMatchObject({ status: 200 });
      }
    });

    it.each([
      '/vendor/lit-html/lit-html.js',
      '/vendor/lit-html/directives/repeat.js',
      '/vendor/lit-html/directives/class-map.js',
    ])('serves %s', async (path) => {
      const { status, headers, body } = await getFile(sample.first.url, path);
      expect(status).toBe(200);
      expect(headers['content-type']).toMatch(/javascript/);
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(body).not.toBe('');
    });

    it.each([
      '/vendor/lit-html/../../package.json',
      '/vendor/lit-html/../package.json',
      '/vendor/lit-html/%2e%2e/%2e%2e/package.json',
      '/vendor/lit-html/..%2f..%2fpackage.json',
      '/vendor/lit-html/..%5c..%5cpackage.json',
      '/vendor/lit-html/%252e%252e/%252e%252e/package.json',
      '/vendor/lit-html//../../ioredis/package.json',
      '/vendor/',
      '/../static-files.js',
      '/%2e%2e/static-files.js',
      '/..%2fstatic-files.js',
      '/static-files.js',
      '/%00',
      '/.env',
    ])('serves no file at %s', async (path) => {
      const { status, body } = await getFile(sample.first.url, path);
      expect([400, 403, 404]).toContain(status);
      expect(body).not.toMatch(/"version"|import /);
    });
  });
});
