/** @import { State } from './types.js' */

/** The state of the signed-in user, which is reset at the next one. */
export function stateOfUser() {
  return /** @type {const} */ ({
    connection: { state: 'connecting' },
    rooms: [],
    open: undefined,
    transcripts: {},
    present: [],
    typing: {},
    outbox: [],
    drafts: {},
    announcement: '',
    isAtEnd: true,
  });
}

/** @returns {State} */
export function initialState() {
  return { ...stateOfUser(), people: [], user: undefined, notice: undefined, isSigningIn: false };
}
