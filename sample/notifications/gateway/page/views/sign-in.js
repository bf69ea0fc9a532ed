import { failureView, retryView, taskButton } from './controls.js';
import { html, nothing } from './lit.js';

/** @import { Session } from '../session.js' */
/** @import { Person, SessionState, State, Task } from '../types.js' */

/**
 * The view while the session is loaded.
 *
 * @param {SessionState} state
 * @param {Session} session
 */
export function startView(state, session) {
  const retry = () => void session.restore();
  return html`
    <main id="main" class="sign-in" tabindex="-1">
      <h1>Notification sample</h1>
      ${
        state.status === 'unreachable'
          ? retryView(state.failure, retry)
          : html`<p class="loading" role="status">Loading…</p>`
      }
    </main>
  `;
}

/**
 * @param {State} state
 * @param {{ notice?: string }} signedOut
 * @param {Session} session
 */
export function signInView(state, { notice }, session) {
  return html`
    <main id="main" class="sign-in" tabindex="-1" aria-labelledby="sign-in-title">
      <h1 id="sign-in-title">Notification sample</h1>
      ${notice ? html`<p class="notice" role="alert">${notice}</p>` : nothing}
      <p>
        <strong>Start here:</strong> sign in as Alice. No password is needed. Then open the other
        address that the terminal shows, or a private window, and sign in as Bob: what one of them
        does, the other sees at once.
      </p>
      ${peopleView(state, session)}
    </main>
  `;
}

/**
 * @param {State} state
 * @param {Session} session
 */
function peopleView({ people, tasks }, session) {
  if (people.failure) return retryView(people.failure, () => void session.loadPeople());
  if (!people.value) return html`<p class="loading" role="status">Loading…</p>`;
  return html`
    <ul class="sign-in-list">
      ${people.value.map((person, i) =>
        personView({ person, isFirst: i === 0 }, tasks[`sign-in:${person.id}`], session),
      )}
    </ul>
  `;
}

/**
 * @param {{ person: Person, isFirst: boolean }} choice
 * @param {Task | undefined} task
 * @param {Session} session
 */
function personView({ person: { id, name, isAdministrator }, isFirst }, task, session) {
  const roleId = `role-${id}`;
  return html`
    <li>
      ${taskButton({
        task,
        kind: isFirst ? 'primary' : '',
        label: `Sign in as ${name}`,
        describedBy: isAdministrator ? roleId : undefined,
        onClick: () => void session.signIn(id),
      })}
      ${
        isAdministrator
          ? html`<p id=${roleId} class="role">Administrator: can broadcast to all users</p>`
          : nothing
      }
      ${failureView(task)}
    </li>
  `;
}
