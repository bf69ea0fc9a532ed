import { unreadOf } from '../rooms.js';
import { emptyTranscript } from '../transcript.js';
import { composerView } from './composer.js';
import { headerView } from './header.js';
import { html, render } from './lit.js';
import { peopleView } from './people.js';
import { roomsView } from './rooms.js';
import { keepPlace } from './scroll.js';
import { signInView } from './sign-in.js';
import { transcriptView } from './transcript.js';

/** @import { Chat } from '../chat.js' */
/** @import { Session } from '../session.js' */
/** @import { Person, State } from '../types.js' */

const TITLE = 'Chat';

/**
 * Renders the whole page; lit-html changes only the parts that differ.
 *
 * @param {State} state
 * @param {Session} session
 */
export function draw(state, session) {
  const root = document.getElementById('page');
  if (!root) return;
  const { user } = state;
  const { chat } = session;
  const place = keepPlace(state);
  render(user && chat ? chatView(state, user, session, chat) : signInView(state, session), root);
  place.restore();
  const unread = state.rooms.reduce((sum, room) => sum + unreadOf(room), 0);
  document.title = unread > 0 ? `(${unread}) ${TITLE}` : TITLE;
}

/**
 * @param {State} state
 * @param {Person} user
 * @param {Session} session
 * @param {Chat} chat
 */
function chatView(state, user, session, chat) {
  const room = state.rooms.find(({ id }) => id === state.open);
  const transcript = state.transcripts[state.open ?? ''] ?? emptyTranscript;
  return html`
    <p class="visually-hidden" role="status">${state.announcement}</p>
    <div class="chat">
      ${headerView(state, user, () => session.signOut())}
      ${roomsView(state.rooms, state.open, (id) => chat.open(id))}
      <main aria-label=${room ? room.name : 'Room'}>
        ${transcriptView({ state, room, transcript, user, chat })}
        ${room ? composerView(state, room, chat) : ''}
      </main>
      ${peopleView(state, user)}
    </div>
  `;
}
