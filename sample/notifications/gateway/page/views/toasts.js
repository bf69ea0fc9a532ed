import { keepFocus } from './focus.js';
import { excerptView, headlineView } from './headline.js';
import { crossIcon } from './icons.js';
import { html, repeat } from './lit.js';

/** @import { SignedIn } from '../signed-in.js' */
/** @import { State } from '../types.js' */

const DISMISS = { kind: '.toasts .dismiss', fallback: '.bell' };

/**
 * @param {State} state
 * @param {SignedIn} signedIn
 */
export function toastsView(state, { toasts, notifications }) {
  return html`
    <section class="toasts" aria-label="New notifications" aria-live="polite">
      ${repeat(
        state.toasts,
        ({ id }) => id,
        (toast) => html`
          <div class="toast" data-testid="toast" data-type=${toast.type}>
            <p class="toast-title">${headlineView(toast, state, notifications)}</p>
            ${excerptView(toast, state)}
            ${dismissButton((event) => {
              void keepFocus(event, DISMISS, () => toasts.dismiss(toast.id));
            })}
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
