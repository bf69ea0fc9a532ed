import { Api, ApiError } from './api.js';
import { SignedIn } from './signed-in.js';
import { stateOfUser } from './state.js';
import { describeFailure, Tasks } from './tasks.js';

/** @import { Store } from './store.js' */
/** @import { SignedInUser } from './types.js' */

/** Interval at which a failed load is repeated, in ms. */
const RETRY_INTERVAL_MS = 3_000;

/** The session of this tab. All tabs of a browser share the cookie, so that they sign in and out together. */
export class Session {
  /** @type {SignedIn | undefined} */
  signedIn;
  #api = new Api();
  #otherTabs = new BroadcastChannel('session');
  #store;
  #tasks;
  #areToastsHeld;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #peopleTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #restoreTimer;
  /** The user that the drafts belong to. */
  #lastUserId = '';

  /**
   * @param {Store} store
   * @param {() => boolean} areToastsHeld
   */
  constructor(store, areToastsHeld) {
    this.#store = store;
    this.#tasks = new Tasks(store, () => this.#loadPeopleLater());
    this.#areToastsHeld = areToastsHeld;
    this.#otherTabs.addEventListener('message', () => void this.restore());
  }

  async loadPeople() {
    try {
      this.#store.update({ people: { value: await this.#api.people() } });
      this.#tasks.clearTemporary();
    } catch (error) {
      const { value } = this.#store.state.people;
      this.#store.update({ people: { value, failure: describeFailure(error) } });
      this.#loadPeopleLater();
    }
  }

  /** Until it succeeds: then the gateway is back, and the errors of that time are over. */
  #loadPeopleLater() {
    clearTimeout(this.#peopleTimer);
    this.#peopleTimer = setTimeout(() => void this.loadPeople(), RETRY_INTERVAL_MS);
  }

  /** Restores the session of the cookie. */
  async restore() {
    try {
      this.#openSession(await this.#api.session());
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.#closeSession();
      else if (!this.signedIn) {
        this.#store.update({
          session: { status: 'unreachable', failure: describeFailure(error) },
        });
        clearTimeout(this.#restoreTimer);
        this.#restoreTimer = setTimeout(() => void this.restore(), RETRY_INTERVAL_MS);
      }
    }
  }

  /** @param {string} userId */
  signIn(userId) {
    return this.#tasks.run(`sign-in:${userId}`, async () => {
      this.#openSession(await this.#api.signIn(userId));
      this.#notifyOtherTabs();
    });
  }

  signOut() {
    return this.#tasks.run('sign-out', async () => {
      await this.#api.signOut();
      this.#store.update({ drafts: {} });
      this.#closeSession();
      this.#notifyOtherTabs();
    });
  }

  /** Closes the stream and releases the lock of the leader tab. */
  suspend() {
    this.signedIn?.close();
    this.signedIn = undefined;
  }

  /** @param {SignedInUser} session */
  #openSession({ user, instance }) {
    const { session } = this.#store.state;
    if (this.signedIn && session.status === 'signed-in' && session.user.id === user.id) return;
    this.suspend();
    if (user.id !== this.#lastUserId) this.#store.update({ drafts: {} });
    this.#lastUserId = user.id;
    this.#store.update({ ...stateOfUser(), session: { status: 'signed-in', user, instance } });
    this.signedIn = new SignedIn({
      store: this.#store,
      userId: user.id,
      onUnauthorized: () => this.#expire(),
      onOtherUser: () => void this.restore(),
      areToastsHeld: this.#areToastsHeld,
    });
  }

  #expire() {
    this.#closeSession('Your session is over. Please sign in again.');
    this.#notifyOtherTabs();
  }

  #notifyOtherTabs() {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none
    this.#otherTabs.postMessage('changed');
  }

  /** @param {string} [notice] */
  #closeSession(notice) {
    if (!notice && this.#store.state.session.status === 'signed-out') return;
    this.suspend();
    this.#store.update({ ...stateOfUser(), session: { status: 'signed-out', notice } });
  }
}
