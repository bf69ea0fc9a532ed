import { unreadOf } from '../rooms.js';
import { html, nothing } from './lit.js';

/** @import { Room } from '../types.js' */

const MOST = 99;

/**
 * @param {readonly Room[]} rooms
 * @param {string | undefined} open
 * @param {(id: string) => void} onOpen
 */
export function roomsView(rooms, open, onOpen) {
  return html`
    <nav class="rooms" aria-labelledby="rooms-title">
      <h2 id="rooms-title">Rooms</h2>
      <ul>
        ${rooms.map((room) => roomView(room, room.id === open, onOpen))}
      </ul>
    </nav>
  `;
}

/**
 * @param {Room} room
 * @param {boolean} isOpen
 * @param {(id: string) => void} onOpen
 */
function roomView(room, isOpen, onOpen) {
  const unread = unreadOf(room);
  return html`
    <li>
      <button
        type="button"
        aria-current=${isOpen ? 'true' : nothing}
        data-testid=${`room-${room.id}`}
        @click=${() => onOpen(room.id)}
      >
        <span class="name">${room.name}</span>
        ${room.isPrivate ? html`<span class="private">members only</span>` : nothing}
        ${
          unread > 0
            ? html`<span class="unread" data-testid="unread"
                >${unread > MOST ? `${MOST}+` : unread}<span class="visually-hidden">
                  unread</span
                ></span
              >`
            : nothing
        }
      </button>
    </li>
  `;
}
