import { html, nothing } from './lit.js';

/** @import { Task } from '../types.js' */

/**
 * A button that does nothing while its request runs. `aria-disabled` leaves it the focus, which
 * `disabled` would take away.
 *
 * @param {object} button
 * @param {unknown} button.label
 * @param {Task | undefined} button.task
 * @param {(event: Event) => void} [button.onClick] none for a button that submits its form
 * @param {boolean} [button.isOff] there is nothing to do
 * @param {string} [button.kind] its class
 * @param {string} [button.describedBy]
 */
export function taskButton({ label, task, onClick, isOff = false, kind = '', describedBy }) {
  const isOffNow = isOff || Boolean(task?.isRunning);
  return html`
    <button
      type=${onClick ? 'button' : 'submit'}
      class=${kind}
      aria-disabled=${isOffNow ? 'true' : nothing}
      aria-describedby=${describedBy ?? nothing}
      @click=${onClick && !isOffNow ? onClick : nothing}
    >
      ${label}
    </button>
  `;
}

/** @param {Task | undefined} task */
export function failureView(task) {
  return task?.failure ? html`<p class="failure" role="alert">${task.failure}</p>` : nothing;
}

/**
 * Always there, so that a screen reader hears what is put into it.
 *
 * @param {Task | undefined} task
 */
export function noteView(task) {
  return html`<p class="note" role="status">${task?.note ?? ''}</p>`;
}

/**
 * @param {string} failure
 * @param {() => void} onRetry
 */
export function retryView(failure, onRetry) {
  return html`
    <div class="failure retry" role="alert">
      <p>${failure}</p>
      <button type="button" @click=${onRetry}>Try again</button>
    </div>
  `;
}

/**
 * @param {() => void} submit
 * @returns {(event: SubmitEvent) => void}
 */
export function onSubmit(submit) {
  return (event) => {
    event.preventDefault();
    submit();
  };
}
