import { unreadIds } from '../inbox.js';
import { headerView } from './header.js';
import { html, render } from './lit.js';
import { signInView, startView } from './sign-in.js';
import { signedInView } from './signed-in.js';

/** @import { Session } from '../session.js' */
/** @import { State } from '../types.js' */

const TITLE = 'Notification sample';

/** @type {State['session']['status']} */
let drawnStatus = 'unknown';

/**
 * Renders the whole page; lit-html changes only the parts that differ.
 *
 * @param {State} state
 * @param {Session} session
 */
export function draw(state, session) {
  const root = document.getElementById('page');
  if (!root) return;
  render(pageView(state, session), root);
  const unread = unreadIds(state.inbox).length;
  document.title = unread > 0 ? `(${unread}) ${TITLE}` : TITLE;
  focusNewView(state.session.status);
}

/**
 * @param {State} state
 * @param {Session} session
 */
function pageView(state, session) {
  const { signedIn } = session;
  if (state.session.status === 'signed-in' && signedIn) {
    return html`
      <a class="skip-link" href="#main">Skip to the posts</a>
      ${headerView(state, state.session, session, signedIn)}
      ${signedInView(state, state.session.user, signedIn)}
    `;
  }
  return state.session.status === 'signed-out'
    ? signInView(state, state.session, session)
    : startView(state.session, session);
}

/**
 * Moves the focus to a new view, because the control that opened it is removed and loses the focus.
 *
 * @param {State['session']['status']} status
 */
function focusNewView(status) {
  const isNew = status !== drawnStatus && drawnStatus !== 'unknown';
  drawnStatus = status;
  if (isNew) document.getElementById('main')?.focus();
}
