/** @import { Announcement, Comment, InboxSnapshot, Person, Post, SignedInUser } from './types.js' */

const TIMEOUT_MS = 8_000;

/** An error response of the gateway; `status` is 0 if the gateway was not reached. The page shows the message. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }

  /** Whether the same request can succeed in a moment: a service was away, or the user was too fast. */
  get isTemporary() {
    return [0, 429, 503].includes(this.status);
  }
}

/** The HTTP interface of the gateway. */
export class Api {
  #signal;
  #onUnauthorized;

  /**
   * @param {AbortSignal} [signal] cancels running requests
   * @param {() => void} [onUnauthorized] called when the session is no longer valid
   */
  constructor(signal, onUnauthorized) {
    this.#signal = signal;
    this.#onUnauthorized = onUnauthorized;
  }

  /** @returns {Promise<Person[]>} */
  people() {
    return this.#request('GET', '/api/people');
  }

  /** @returns {Promise<SignedInUser>} */
  session() {
    return this.#request('GET', '/api/session');
  }

  /**
   * @param {string} userId
   * @returns {Promise<SignedInUser>}
   */
  signIn(userId) {
    return this.#request('POST', '/api/session', { userId });
  }

  /** @returns {Promise<void>} */
  signOut() {
    return this.#request('DELETE', '/api/session');
  }

  /**
   * @param {string} userId
   * @returns {Promise<InboxSnapshot>}
   */
  inbox(userId) {
    return this.#request('GET', `${userPath(userId)}/notifications`);
  }

  /**
   * @param {string} userId
   * @param {string} id
   * @returns {Promise<{ unread: number }>}
   */
  markRead(userId, id) {
    return this.#request(
      'POST',
      `${userPath(userId)}/notifications/${encodeURIComponent(id)}/read`,
    );
  }

  /**
   * @param {string} userId
   * @returns {Promise<{ unread: number }>}
   */
  markAllRead(userId) {
    return this.#request('POST', `${userPath(userId)}/notifications/read`);
  }

  /**
   * @param {string} userId
   * @param {string} text
   * @returns {Promise<{ receivers: number }>}
   */
  sendMessage(userId, text) {
    return this.#request('POST', `${userPath(userId)}/messages`, { text });
  }

  /**
   * @param {Announcement} announcement
   * @returns {Promise<{ receivers: number }>}
   */
  broadcast(announcement) {
    return this.#request('POST', '/api/broadcasts', announcement);
  }

  /** @returns {Promise<Post[]>} */
  posts() {
    return this.#request('GET', '/api/activity/posts');
  }

  /**
   * @param {string} postId
   * @param {boolean} isLiked
   * @returns {Promise<{ likes: number, isLiked: boolean }>}
   */
  setLike(postId, isLiked) {
    return this.#request(isLiked ? 'PUT' : 'DELETE', `${postPath(postId)}/like`);
  }

  /**
   * @param {string} postId
   * @param {string} text
   * @returns {Promise<Comment>}
   */
  comment(postId, text) {
    return this.#request('POST', `${postPath(postId)}/comments`, { text });
  }

  /** @returns {Promise<string[]>} */
  following() {
    return this.#request('GET', '/api/activity/following');
  }

  /**
   * @param {string} userId
   * @param {boolean} isFollowing
   * @returns {Promise<{ isFollowing: boolean }>}
   */
  setFollow(userId, isFollowing) {
    const path = `/api/activity/users/${encodeURIComponent(userId)}/follow`;
    return this.#request(isFollowing ? 'PUT' : 'DELETE', path);
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   */
  async #request(method, path, body) {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(path, {
      method,
      signal: this.#signal ? AbortSignal.any([this.#signal, timeout]) : timeout,
      ...(body && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    }).catch(() => {
      this.#signal?.throwIfAborted();
      throw new ApiError(0, 'The server cannot be reached.');
    });
    const answer = await readJson(response);
    // A response must not change the page after the user has signed out.
    this.#signal?.throwIfAborted();
    if (response.status === 401) this.#onUnauthorized?.();
    if (!response.ok) throw new ApiError(response.status, reasons(response, answer));
    return answer;
  }
}

/** @param {string} userId */
export function streamUrl(userId) {
  return `${userPath(userId)}/stream`;
}

/** @param {string} userId */
function userPath(userId) {
  return `/api/users/${encodeURIComponent(userId)}`;
}

/** @param {string} postId */
function postPath(postId) {
  return `/api/activity/posts/${encodeURIComponent(postId)}`;
}

/** @param {Response} response */
async function readJson(response) {
  if (response.status === 204) return undefined;
  return response.json().catch(() => {
    // An error response of a proxy is not JSON; its status is enough.
    if (response.ok) throw new ApiError(0, 'The answer of the server could not be read.');
  });
}

/**
 * @param {Response} response
 * @param {{ message?: string | string[] } | undefined} answer
 */
function reasons(response, answer) {
  const message = [answer?.message ?? []].flat().join('. ');
  return message || `The server answered ${response.status} ${response.statusText}`.trim() + '.';
}
