import { html, nothing } from './lit.js';

/** @import { Session } from '../session.js' */
/** @import { State } from '../types.js' */

/**
 * @param {State} state
 * @param {Session} session
 */
export function signInView({ people, notice, isSigningIn }, session) {
  return html`
    <main class="sign-in">
      <h1>Chat</h1>
      ${notice ? html`<p class="notice" role="alert">${notice}</p>` : nothing}
      <p>
        Sign in as Alice here, and as Bob in a second window at the other address that the terminal
        shows. No password is needed.
      </p>
      <ul>
        ${people.map(
          ({ id, name }) => html`
            <li>
              <button
                type="button"
                aria-disabled=${isSigningIn ? 'true' : nothing}
                @click=${() => void session.signIn(id)}
              >
                Sign in as ${name}
              </button>
            </li>
          `,
        )}
      </ul>
    </main>
  `;
}
