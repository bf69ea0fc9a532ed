import { keepFocus } from './focus.js';
import { crossIcon, typeView } from './icons.js';
import { html, repeat } from './lit.js';

/** @import { Toasts } from '../toasts.js' */
/** @import { Notification } from '../types.js' */

const DISMISS = { kind: '.toasts .dismiss', fallback: '.bell' };

/**
 * @param {readonly Notification[]} notifications
 * @param {Toasts} toasts
 */
export function toastsView(notifications, toasts) {
  return html`
    <section class="toasts" aria-label="New notifications" aria-live="polite">
      ${repeat(
        notifications,
        ({ id }) => id,
        ({ id, type, title, message }) => html`
          <div class="toast" data-testid="toast" data-type=${type}>
            ${typeView(type)}
            <p class="toast-title">${title}</p>
            <p class="text">${message}</p>
            ${dismissButton((event) => void keepFocus(event, DISMISS, () => toasts.dismiss(id)))}
          </div>
        `,
      )}
    </section>
  `;
}

/** @param {(event: Event) => void} onClick */
export function dismissButton(onClick) {
  return html`
    <button type="button" class="dismiss quiet" aria-label="Dismiss" @click=${onClick}>
      ${crossIcon}
    </button>
  `;
}
