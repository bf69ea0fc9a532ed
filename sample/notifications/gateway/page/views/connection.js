import { html } from './lit.js';

/** @import { ConnectionState, StreamStatus } from '../types.js' */

/** @type {Record<ConnectionState, { word: string, meaning: string }>} */
const STATES = {
  connecting: { word: 'Connecting', meaning: 'Notifications will be live in a moment.' },
  connected: { word: 'Connected', meaning: 'Notifications are live.' },
  interrupted: {
    word: 'Interrupted',
    meaning: 'The server has lost Redis. What you miss is loaded when it is back.',
  },
  reconnecting: {
    word: 'Reconnecting',
    meaning: 'The server cannot be reached. What you miss is loaded when it is back.',
  },
};

/** @param {StreamStatus} stream */
export function connectionView({ connection }) {
  const { word, meaning } = STATES[connection];
  return html`
    <div class="connection" role="status" data-testid="connection" data-state=${connection}>
      <strong>${word}</strong> <span>${meaning}</span>
    </div>
  `;
}
