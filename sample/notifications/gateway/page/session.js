import { Api, ApiError } from './api.js';
import { SignedIn } from './signed-in.js';
import { stateOfUser } from './state.js';
import { describeFailure, Tasks } from './tasks.js';

/** @import { Store } from './store.js' */
/** @import { SignedInUser } from './types.js' */

/** Who is signed in. The tabs of a browser share the cookie, so they follow each other. */
export class Session {
  /** @type {SignedIn | undefined} */
  signedIn;
  #api = new Api();
  #otherTabs = new BroadcastChannel('session');
  #store;
  #tasks;
  #areToastsHeld;
  /** Whose the drafts are. */
  #lastUserId = '';

  /**
   * @param {Store} store
   * @param {() => boolean} areToastsHeld
   */
  constructor(store, areToastsHeld) {
    this.#store = store;
    this.#tasks = new Tasks(store);
    this.#areToastsHeld = areToastsHeld;
    this.#otherTabs.addEventListener('message', () => void this.restore());
  }

  async loadPeople() {
    try {
      this.#store.update({ people: { value: await this.#api.people() } });
    } catch (error) {
      this.#store.update({ people: { failure: describeFailure(error) } });
    }
  }

  /** Takes what the cookie says. */
  async restore() {
    try {
      this.#begin(await this.#api.session());
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.#leave();
      else if (!this.signedIn) {
        this.#store.update({
          session: { status: 'unreachable', failure: describeFailure(error) },
        });
      }
    }
  }

  /** @param {string} userId */
  signIn(userId) {
    return this.#tasks.run(`sign-in:${userId}`, async () => {
      this.#begin(await this.#api.signIn(userId));
      this.#tellOtherTabs();
    });
  }

  signOut() {
    return this.#tasks.run('sign-out', async () => {
      await this.#api.signOut();
      this.#store.update({ drafts: {} });
      this.#leave();
      this.#tellOtherTabs();
    });
  }

  /** Lets go of the stream, and of the lead among the tabs. */
  suspend() {
    this.signedIn?.end();
    this.signedIn = undefined;
  }

  /** @param {SignedInUser} session */
  #begin({ user, instance }) {
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
    this.#leave('Your session is over. Please sign in again.');
    this.#tellOtherTabs();
  }

  #tellOtherTabs() {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none
    this.#otherTabs.postMessage('changed');
  }

  /** @param {string} [notice] */
  #leave(notice) {
    if (!notice && this.#store.state.session.status === 'signed-out') return;
    this.suspend();
    this.#store.update({ ...stateOfUser(), session: { status: 'signed-out', notice } });
  }
}
