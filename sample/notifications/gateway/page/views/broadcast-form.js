import { MAX_TEXT_LENGTH, MAX_TITLE_LENGTH } from '../limits.js';
import { failureView, noteView, onSubmit, taskButton } from './controls.js';
import { onInput } from './field.js';
import { html, live } from './lit.js';

/** @import { SignedIn } from '../signed-in.js' */
/** @import { State } from '../types.js' */

/**
 * The broadcast form of an administrator.
 *
 * @param {State} state
 * @param {SignedIn} signedIn
 */
export function broadcastFormView(state, { drafts, messages, tasks }) {
  const task = state.tasks.broadcast;
  /** @param {string} key */
  const onInputOf = (key) => onInput({ key, drafts, tasks, taskKey: 'broadcast' });
  return html`
    <section class="card" aria-labelledby="broadcast-title">
      <h2 id="broadcast-title">Tell everybody</h2>
      <form class="stacked" @submit=${onSubmit(() => void messages.broadcast())}>
        <label>
          Title
          <input
            type="text"
            required
            maxlength=${MAX_TITLE_LENGTH}
            autocomplete="off"
            .value=${live(drafts.get('broadcast:title'))}
            @input=${onInputOf('broadcast:title')}
          />
        </label>
        <label>
          Message
          <textarea
            required
            maxlength=${MAX_TEXT_LENGTH}
            rows="3"
            .value=${live(drafts.get('broadcast:message'))}
            @input=${onInputOf('broadcast:message')}
          ></textarea>
        </label>
        <label>
          Type
          <select
            .value=${live(drafts.get('broadcast:type') || 'info')}
            @input=${onInputOf('broadcast:type')}
          >
            <option value="info">Information</option>
            <option value="success">Good news</option>
            <option value="warning">Warning</option>
            <option value="error">Problem</option>
          </select>
        </label>
        ${taskButton({ label: 'Broadcast', task })}
      </form>
      ${failureView(task)} ${noteView(task)}
    </section>
  `;
}
