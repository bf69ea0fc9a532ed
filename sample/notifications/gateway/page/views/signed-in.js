import { broadcastFormView } from './broadcast-form.js';
import { broadcastsView } from './broadcasts.js';
import { channelsView } from './channels.js';
import { html, nothing } from './lit.js';
import { peopleView } from './people.js';
import { postsView } from './posts.js';
import { toastsView } from './toasts.js';

/** @import { SignedIn } from '../signed-in.js' */
/** @import { Person, State } from '../types.js' */

/**
 * @param {State} state
 * @param {Person} user
 * @param {SignedIn} signedIn
 */
export function signedInView(state, user, signedIn) {
  return html`
    ${broadcastsView(state, signedIn.notifications)} ${channelsView(state, user, signedIn)}
    <div class="columns">
      <main id="main" tabindex="-1" aria-labelledby="posts-title">
        ${postsView(state, signedIn)}
      </main>
      <aside aria-label="People and messages">
        ${user.isAdministrator ? broadcastFormView(state, signedIn) : nothing}
        ${peopleView(state, user, signedIn)}
      </aside>
    </div>
    ${toastsView(state, signedIn)}
  `;
}
