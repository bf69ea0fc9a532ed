import { randomUUID } from 'node:crypto';
import type { Post } from '../../../sample/notifications/activity/posts.js';
import type { Comment, Reactions } from '../../../sample/notifications/activity/activity.store.js';
import type { InboxContent } from '../../../sample/notifications/inbox/inbox.js';
import { closeAfterTest } from '../../support/app.js';
import { EventStream } from './event-stream.js';
import { signToken } from './session-tokens.js';

export interface Answer<Body = unknown> {
  readonly status: number;
  readonly body: Body;
}

/** The id of a user of this test alone. */
export function newUserId(): string {
  return `user-${randomUUID()}`;
}

/** Where a stream goes on: the header is the browser's own, and the query that of the page. */
export interface LastEventId {
  readonly header?: string;
  readonly query?: string;
}

/** One gateway of the sample. */
export class Gateway {
  constructor(
    readonly url: string,
    readonly cookieName = 'session',
  ) {}

  /** A user with a valid session that the test signed. */
  user(id: string = newUserId(), isAdministrator = false): Visitor {
    return this.visitor(signToken({ id, isAdministrator }), id);
  }

  administrator(): Visitor {
    return this.user(newUserId(), true);
  }

  /** A user with this token in the session cookie, or without a cookie. */
  visitor(token?: string, id = ''): Visitor {
    return new Visitor(this.url, id, token && `${this.cookieName}=${token}`);
  }

  /** A user who signs in over HTTP, as a browser does. */
  async signIn(userId: string): Promise<Visitor> {
    const visitor = new Visitor(this.url, userId);
    const { status } = await visitor.post('/api/session', { userId });
    if (status !== 200) throw new Error(`Signing in was answered with ${status}`);
    return visitor;
  }
}

/** A browser at a gateway, with its session cookie. */
export class Visitor {
  constructor(
    readonly url: string,
    readonly id: string,
    public cookie?: string,
  ) {}

  /** The same user at another gateway, where the cookie has another name. */
  at(gateway: Gateway): Visitor {
    return gateway.user(this.id);
  }

  get = <Body>(path: string) => this.request<Body>('GET', path);
  put = <Body>(path: string) => this.request<Body>('PUT', path);
  delete = <Body>(path: string) => this.request<Body>('DELETE', path);
  post = <Body>(path: string, body?: unknown) => this.request<Body>('POST', path, body);

  async inbox(): Promise<InboxContent> {
    const { status, body } = await this.get<InboxContent>(this.#own('notifications'));
    if (status !== 200) throw new Error(`The inbox was answered with ${status}`);
    return body;
  }

  unread = () => this.get<{ unread: number }>(this.#own('notifications/unread'));
  markRead = (id: string) =>
    this.post<{ unread: number }>(this.#own(`notifications/${encodeURIComponent(id)}/read`));
  markAllRead = () => this.post<{ unread: number }>(this.#own('notifications/read'));

  message = ({ id }: { readonly id: string }, text: string) =>
    this.post<{ receivers: number }>(`/api/users/${id}/messages`, { text });
  notify = ({ id }: { readonly id: string }, content: object) =>
    this.post<{ receivers: number }>(`/api/users/${id}/notifications`, content);
  broadcast = (text: object) => this.post<{ receivers: number }>('/api/broadcasts', text);

  posts = () => this.get<(Post & Reactions)[]>('/api/activity/posts');
  like = (postId: string) => this.put(`/api/activity/posts/${postId}/like`);
  unlike = (postId: string) => this.delete(`/api/activity/posts/${postId}/like`);
  comment = (postId: string, text: string) =>
    this.post<Comment>(`/api/activity/posts/${postId}/comments`, { text });

  following = () => this.get<string[]>('/api/activity/following');
  follow = ({ id }: { readonly id: string }) => this.put(`/api/activity/users/${id}/follow`);
  unfollow = ({ id }: { readonly id: string }) => this.delete(`/api/activity/users/${id}/follow`);

  /** The request for the user's stream. */
  streamRequest({ header, query }: LastEventId = {}) {
    const search = query === undefined ? '' : `?lastEventId=${encodeURIComponent(query)}`;
    return {
      url: this.url + this.#own('stream') + search,
      headers: { ...this.#headers(), ...(header !== undefined && { 'last-event-id': header }) },
    };
  }

  /** The user's stream; the caller closes it. */
  createStream(lastEventId?: LastEventId): EventStream {
    const { url, headers } = this.streamRequest(lastEventId);
    return new EventStream(url, headers);
  }

  /** The user's stream, in any state; closed after the test. */
  stream(lastEventId?: LastEventId): EventStream {
    const stream = this.createStream(lastEventId);
    closeAfterTest(() => stream.close());
    return stream;
  }

  /** The user's stream after its `ready` event; closed after the test. */
  async openStream(): Promise<EventStream> {
    const stream = this.stream();
    await stream.has('ready');
    return stream;
  }

  async request<Body>(method: string, path: string, body?: unknown): Promise<Answer<Body>> {
    const response = await this.fetch(path, {
      method,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const isJson = response.headers.get('content-type')?.includes('json');
    return {
      status: response.status,
      body: (isJson ? await response.json() : await response.text()) as Body,
    };
  }

  /** A request with the cookie; keeps the cookie of the answer. */
  async fetch(path: string, { headers, ...init }: RequestInit = {}): Promise<Response> {
    const response = await fetch(this.url + path, {
      ...init,
      headers: { ...(headers as Record<string, string> | undefined), ...this.#headers() },
    });
    for (const setCookie of response.headers.getSetCookie()) {
      const [pair = ''] = setCookie.split(';');
      this.cookie = pair.endsWith('=') ? undefined : pair;
    }
    return response;
  }

  #headers(): Record<string, string> {
    return this.cookie ? { cookie: this.cookie } : {};
  }

  #own(path: string): string {
    return `/api/users/${encodeURIComponent(this.id)}/${path}`;
  }
}
