import { keepFocus } from './focus.js';
import { typeIcon } from './icons.js';
import { html, repeat } from './lit.js';
import { dismissButton } from './toasts.js';

/** @import { Notifications } from '../notifications.js' */
/** @import { Notification, NotificationType, State } from '../types.js' */

const DISMISS = { kind: '.broadcasts .dismiss', fallback: '#main' };

/** @type {Record<NotificationType, string>} */
const VERBS = {
  info: 'tells everybody',
  success: 'has good news for everybody',
  warning: 'warns everybody',
  error: 'reports a problem to everybody',
};

/**
 * @param {State} state
 * @param {Notifications} notifications
 */
export function broadcastsView(state, notifications) {
  return html`
    <section class="broadcasts" aria-label="Announcements" aria-live="polite">
      ${repeat(
        state.broadcasts,
        ({ id }) => id,
        (broadcast) => html`
          <div class="broadcast" data-testid="broadcast" data-type=${broadcast.type}>
            <div>
              <p>
                ${typeIcon(broadcast.type)} ${senderText(broadcast, state)}:
                <strong>${broadcast.title}</strong>
              </p>
              <p class="text">${broadcast.message}</p>
            </div>
            ${dismissButton((event) => {
              void keepFocus(event, DISMISS, () => notifications.dismissBroadcast(broadcast.id));
            })}
          </div>
        `,
      )}
    </section>
  `;
}

/**
 * @param {Notification} broadcast
 * @param {State} state
 */
function senderText({ type, data }, { people }) {
  const { actorId } = data ?? {};
  const sender = people.value?.find(({ id }) => id === actorId)?.name ?? 'An administrator';
  return `${sender} ${VERBS[type]}`;
}
