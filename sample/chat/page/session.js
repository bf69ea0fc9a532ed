import { Chat } from './chat.js';
import { stateOfUser } from './state.js';

/** @import { Store } from './store.js' */
/** @import { Person } from './types.js' */

const KEY = 'chat-session';
const RETRY_DELAY_MS = 2_000;

/** The session of this tab. Each tab has its own user, so that two tabs can talk to each other. */
export class Session {
  /** @type {Chat | undefined} */
  chat;
  #store;
  /** @type {readonly string[]} */
  #nodes = [];

  /** @param {Store} store */
  constructor(store) {
    this.#store = store;
  }

  /** Loads what the page needs, until it succeeds. */
  async start() {
    try {
      const { people, nodes } = await ask('/api/start');
      this.#nodes = nodes;
      this.#store.update({ people, notice: undefined });
      this.#restore();
    } catch {
      this.#store.update({ notice: 'The chat cannot be reached. It is tried again.' });
      setTimeout(() => void this.start(), RETRY_DELAY_MS);
    }
  }

  /** @param {string} userId */
  async signIn(userId) {
    this.#store.update({ isSigningIn: true, notice: undefined });
    try {
      const session = await ask('/api/session', { userId });
      sessionStorage.setItem(KEY, JSON.stringify(session));
      this.#restore();
    } catch {
      this.#store.update({ notice: 'Signing in failed. Try again.' });
    } finally {
      this.#store.update({ isSigningIn: false });
    }
  }

  /** @param {string} [notice] */
  signOut(notice) {
    sessionStorage.removeItem(KEY);
    this.chat?.close();
    this.chat = undefined;
    this.#store.update({ ...stateOfUser(), user: undefined, notice });
  }

  #restore() {
    const stored = sessionStorage.getItem(KEY);
    if (stored === null) return;
    /** @type {{ user: Person, token: string }} */
    const { user, token } = JSON.parse(stored);
    this.#store.update({ ...stateOfUser(), user });
    this.chat = new Chat(this.#store, {
      user,
      token,
      nodes: this.#nodes,
      onSignedOut: () => this.signOut('Your session is over. Sign in again.'),
    });
  }
}

/**
 * @param {string} path
 * @param {object} [body]
 */
async function ask(path, body) {
  const headers = { 'content-type': 'application/json' };
  const init = body && { method: 'POST', headers, body: JSON.stringify(body) };
  const response = await fetch(path, init);
  if (!response.ok) throw new Error(`The answer was ${response.status}`);
  return response.json();
}
