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
export function broadcastFormView({ tasks }, { drafts, messages }) {
  const task = tasks.broadcast;
  return html`
    <section class="card" aria-labelledby="broadcast-title">
      <h2 id="broadcast-title">Tell everybody</h2>
      <form class="stacked" @submit=${onSubmit(() => void messages.broadcast())}>
        <label>
          Title
          <input
            type="text"
            required
            autocomplete="off"
            .value=${live(drafts.get('broadcast:title'))}
            @input=${onInput('broadcast:title', drafts)}
          />
        </label>
        <label>
          Message
          <textarea
            required
            rows="3"
            .value=${live(drafts.get('broadcast:message'))}
            @input=${onInput('broadcast:message', drafts)}
          ></textarea>
        </label>
        <label>
          Type
          <select
            .value=${live(drafts.get('broadcast:type') || 'info')}
            @input=${onInput('broadcast:type', drafts)}
          >
            <option value="info">Info</option>
            <option value="success">Success</option>
            <option value="warning">Warning</option>
            <option value="error">Error</option>
          </select>
        </label>
        ${taskButton({ label: 'Broadcast', task })}
      </form>
      ${failureView(task)} ${noteView(task)}
    </section>
  `;
}
