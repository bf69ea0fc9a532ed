import { happeningOf, targetOf } from '../happening.js';
import { happeningIcon } from './icons.js';
import { html, nothing } from './lit.js';

/** @import { SignedIn } from '../signed-in.js' */
/** @import { Notification, State } from '../types.js' */

/**
 * What happened and who did it, as a link to the post or the person.
 *
 * @param {Notification} notification
 * @param {State} state
 * @param {SignedIn['notifications']} notifications
 */
export function headlineView(notification, state, notifications) {
  const { title, message } = notification;
  const target = targetOf(notification, state);
  const text = message ? `${title}:` : title;
  return html`
    ${happeningIcon(happeningOf(notification))}
    ${
      target
        ? html`<a href=${`#${target}`} @click=${() => follow(notification, notifications)}
            >${text}</a
          >`
        : text
    }
  `;
}

/**
 * The text of a message or a comment, or else the post that is liked.
 *
 * @param {Notification} notification
 * @param {State} state
 */
export function excerptView(notification, { posts }) {
  const { message, data } = notification;
  if (message) return html`<p class="text">${message}</p>`;
  const post = posts.value?.find(({ id }) => id === data?.postId);
  return post ? html`<p class="text quote">“${post.text}”</p>` : nothing;
}

/**
 * @param {Notification} notification
 * @param {SignedIn['notifications']} notifications
 */
function follow(notification, notifications) {
  // Before the browser goes to the target: a popover that closes takes the focus back.
  const panel = document.getElementById('notifications');
  if (panel?.matches(':popover-open')) panel.hidePopover();
  notifications.follow(notification);
}
