import { html } from './lit.js';

/** @import { ConnectionState, Person, State } from '../types.js' */

/** @type {Record<ConnectionState, { word: string, meaning: string }>} */
const STATES = {
  connecting: { word: 'Connecting', meaning: 'Messages come in a moment.' },
  live: { word: 'Live', meaning: 'Messages come at once.' },
  interrupted: {
    word: 'Interrupted',
    meaning: 'The node has lost Redis. What you write is sent when it is back.',
  },
  reconnecting: {
    word: 'Reconnecting',
    meaning: 'The node cannot be reached. What you write is sent when a node is.',
  },
};

/**
 * @param {State} state
 * @param {Person} user
 * @param {() => void} onSignOut
 */
export function headerView({ connection: { state, instance, reason } }, user, onSignOut) {
  const { word, meaning } = STATES[state];
  return html`
    <header>
      <h1>Chat</h1>
      <p class="connection" role="status" data-testid="connection" data-state=${state}>
        <strong>${word}</strong>
        ${state === 'live' ? html`<span>at ${instance}</span>` : html`<span>${reason ?? meaning}</span>`}
      </p>
      <p class="who"><strong data-testid="user">${user.name}</strong></p>
      <button type="button" @click=${onSignOut}>Sign out</button>
    </header>
  `;
}
