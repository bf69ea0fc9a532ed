import { MAX_TEXT_LENGTH } from '../limits.js';
import { html, live } from './lit.js';

/** @import { Drafts } from '../drafts.js' */
/** @import { Tasks } from '../tasks.js' */

/**
 * A text field whose text is kept until it is sent.
 *
 * @param {object} field
 * @param {string} field.key
 * @param {Drafts} field.drafts
 * @param {string} field.label for screen readers
 * @param {string} field.hint
 * @param {Tasks} field.tasks
 */
export function fieldView({ key, drafts, label, hint, tasks }) {
  return html`
    <input
      type="text"
      required
      maxlength=${MAX_TEXT_LENGTH}
      autocomplete="off"
      aria-label=${label}
      placeholder=${hint}
      .value=${live(drafts.get(key))}
      @input=${onInput({ key, drafts, tasks })}
    />
  `;
}

/**
 * Stores the text, and removes the result of the request with the last text.
 *
 * @param {object} field
 * @param {string} field.key
 * @param {Drafts} field.drafts
 * @param {Tasks} field.tasks
 * @param {string} [field.taskKey] the key of the request, if it is another one
 */
export function onInput({ key, drafts, tasks, taskKey = key }) {
  /** @param {Event & { target: HTMLInputElement }} event */
  return ({ target }) => {
    drafts.set(key, target.value);
    tasks.clear(taskKey);
  };
}
