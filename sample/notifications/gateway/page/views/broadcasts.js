import { keepFocus } from './focus.js';
import { typeView } from './icons.js';
import { html, repeat } from './lit.js';
import { dismissButton } from './toasts.js';

/** @import { Notifications } from '../notifications.js' */
/** @import { Notification } from '../types.js' */

const DISMISS = { kind: '.broadcasts .dismiss', fallback: '#main' };

/**
 * @param {readonly Notification[]} broadcasts
 * @param {Notifications} notifications
 */
export function broadcastsView(broadcasts, notifications) {
  return html`
    <section class="broadcasts" aria-label="Announcements" aria-live="polite">
      ${repeat(
        broadcasts,
        ({ id }) => id,
        ({ id, type, title, message }) => html`
          <div class="broadcast" data-testid="broadcast" data-type=${type}>
            ${typeView(type)}
            <p class="text"><strong>${title}</strong> ${message}</p>
            ${dismissButton((event) => {
              void keepFocus(event, DISMISS, () => notifications.dismissBroadcast(id));
            })}
          </div>
        `,
      )}
    </section>
  `;
}
