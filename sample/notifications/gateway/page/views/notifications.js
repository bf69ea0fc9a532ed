import { unreadIds } from '../inbox.js';
import { failureView, retryView, taskButton } from './controls.js';
import { keepFocus } from './focus.js';
import { excerptView, headlineView } from './headline.js';
import { crossIcon } from './icons.js';
import { html, nothing, repeat } from './lit.js';
import { timeView } from './time.js';

/** @import { SignedIn } from '../signed-in.js' */
/** @import { Notification, State } from '../types.js' */

const MARKS = { kind: '#notifications .mark-read', fallback: '#notifications-title' };

/**
 * The notification panel. It is a popover: the browser opens it, and closes it on Escape too.
 *
 * @param {State} state
 * @param {SignedIn} signedIn
 */
export function notificationsView(state, { notifications }) {
  const { inbox, tasks } = state;
  return html`
    <section id="notifications" class="panel" popover aria-labelledby="notifications-title">
      <div class="panel-title">
        <h2 id="notifications-title" tabindex="-1">Notifications</h2>
        ${taskButton({
          label: 'Mark all as read',
          task: tasks.read,
          hasNothingToDo: unreadIds(inbox).length === 0,
          onClick: () => void notifications.markAllRead(),
        })}
        <button
          type="button"
          class="dismiss quiet"
          popovertarget="notifications"
          popovertargetaction="hide"
          aria-label="Close"
        >
          ${crossIcon}
        </button>
      </div>
      ${failureView(tasks.read)}
      ${inbox.failure ? retryView(inbox.failure, () => void notifications.load()) : nothing}
      ${contentView(state, notifications)}
    </section>
  `;
}

/**
 * @param {State} state
 * @param {SignedIn['notifications']} notifications
 */
function contentView(state, notifications) {
  const { inbox } = state;
  if (inbox.notifications.length > 0) {
    return html`
      <ul class="notifications">
        ${repeat(
          inbox.notifications,
          ({ id }) => id,
          (notification) => notificationView(notification, state, notifications),
        )}
      </ul>
    `;
  }
  if (inbox.isLoaded) return html`<p class="empty">There are no notifications yet.</p>`;
  return inbox.failure ? nothing : html`<p class="loading" role="status">Loading…</p>`;
}

/**
 * @param {Notification} notification
 * @param {State} state
 * @param {SignedIn['notifications']} notifications
 */
function notificationView(notification, state, notifications) {
  const { tasks, now } = state;
  const { id, timestamp, read } = notification;
  const task = tasks[`read:${id}`];
  const titleId = `notification-${id}`;
  /** @param {Event} event */
  const onClick = (event) => void keepFocus(event, MARKS, () => notifications.markRead(id));
  return html`
    <li data-testid="notification" data-read=${read}>
      <h3 id=${titleId}>${headlineView(notification, state, notifications)}</h3>
      ${excerptView(notification, state)}
      <p class="meta">
        ${timeView(timestamp, now)} ${read ? nothing : html`<span class="unread">Unread</span>`}
      </p>
      ${
        read
          ? nothing
          : taskButton({
              label: 'Mark as read',
              task,
              onClick,
              kind: 'mark-read quiet',
              describedBy: titleId,
            })
      }
      ${failureView(task)}
    </li>
  `;
}
