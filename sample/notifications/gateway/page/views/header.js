import { unreadIds } from '../inbox.js';
import { connectionView } from './connection.js';
import { failureView, taskButton } from './controls.js';
import { bellIcon } from './icons.js';
import { html } from './lit.js';
import { notificationsView } from './notifications.js';

/** @import { Session } from '../session.js' */
/** @import { SignedIn } from '../signed-in.js' */
/** @import { SignedInUser, State } from '../types.js' */

/**
 * @param {State} state
 * @param {SignedInUser} user
 * @param {Session} session
 * @param {SignedIn} signedIn
 */
export function headerView(state, { user, instance }, session, signedIn) {
  const task = state.tasks['sign-out'];
  return html`
    <header class="header">
      <div class="bar">
        <h1>Notification sample</h1>
        <p class="who">
          Signed in as <strong>${user.name}</strong>, served by
          <span data-testid="instance">${state.stream.instance ?? instance}</span>
        </p>
        ${bellView(unreadIds(state.inbox).length)} ${notificationsView(state, signedIn)}
        ${taskButton({ label: 'Sign out', task, onClick: () => void session.signOut() })}
      </div>
      ${failureView(task)} ${connectionView(state.stream)}
      <nav class="places" aria-label="This page">
        <a href="#channels">Channels</a>
        <a href="#main">Posts</a>
        <a href="#people">People</a>
      </nav>
    </header>
  `;
}

/** @param {number} unread */
function bellView(unread) {
  return html`
    <button
      type="button"
      class="bell"
      popovertarget="notifications"
      aria-label=${`Notifications, ${unread} unread`}
    >
      ${bellIcon}
      <span class="badge" data-testid="badge" ?hidden=${unread === 0}>${unread}</span>
    </button>
    <span class="visually-hidden" role="status">${unread} unread</span>
  `;
}
