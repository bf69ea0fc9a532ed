import { emptyInbox } from './inbox.js';

/** @import { State } from './types.js' */

/** The state of the signed-in user, which is reset when another user signs in. */
export function stateOfUser() {
  return /** @type {const} */ ({
    stream: { connection: 'connecting', online: [] },
    inbox: emptyInbox,
    posts: {},
    following: [],
    toasts: [],
    broadcasts: [],
    traffic: [],
    tasks: {},
  });
}

/** @returns {State} */
export function initialState() {
  return {
    ...stateOfUser(),
    session: { status: 'unknown' },
    people: {},
    drafts: {},
    now: Date.now(),
  };
}
