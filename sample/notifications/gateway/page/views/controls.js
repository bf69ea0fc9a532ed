import { html, nothing } from './lit.js';

/** @import { Task } from '../types.js' */

/**
 * A button that is disabled while its request runs. It uses `aria-disabled`, because `disabled` would
 * remove the focus.
 *
 * @param {object} button
 * @param {unknown} button.label
 * @param {Task | undefined} button.task
 * @param {(event: Event) => void} [button.onClick] missing for a button that submits its form
 * @param {boolean} [button.hasNothingToDo] disables the button
 * @param {string} [button.kind] its CSS class
 * @param {string} [button.describedBy]
 */
export function taskButton({
  label,
  task,
  onClick,
  hasNothingToDo = false,
  kind = '',
  describedBy,
}) {
  const isDisabled = hasNothingToDo || Boolean(task?.isRunning);
  return html`
    <button
      type=${onClick ? 'button' : 'submit'}
      class=${kind}
      aria-disabled=${isDisabled ? 'true' : nothing}
      aria-describedby=${describedBy ?? nothing}
      @click=${onClick && !isDisabled ? onClick : nothing}
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
 * Always rendered, so that a screen reader announces text that is added later.
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
