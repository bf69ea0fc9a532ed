import { emptyInbox } from './inbox.js';

/** @import { State } from './types.js' */

/** What belongs to the user who is signed in, and goes when another one comes. */
export function stateOfUser() {
  return /** @type {const} */ ({
    stream: { connection: 'connecting', online: [] },
    inbox: emptyInbox,
    posts: {},
    following: [],
    toasts: [],
    broadcasts: [],
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
