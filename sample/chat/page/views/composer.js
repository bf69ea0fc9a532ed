import { MAX_TEXT_LENGTH } from '../limits.js';
import { html, live } from './lit.js';

/** @import { Chat } from '../chat.js' */
/** @import { Room, State } from '../types.js' */

/**
 * The line of who types, and the form for a message.
 *
 * @param {State} state
 * @param {Room} room
 * @param {Chat} chat
 */
export function composerView(state, room, chat) {
  /** @param {SubmitEvent} event */
  const onSubmit = (event) => {
    event.preventDefault();
    chat.say();
  };
  /** @param {KeyboardEvent} event */
  const onKeydown = (event) => {
    // The Enter of an input method ends a word, and not the message.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    chat.say();
  };
  return html`
    <p class="typing" data-testid="typing">${typingText(state)}</p>
    <form class="composer" @submit=${onSubmit}>
      <textarea
        rows="2"
        maxlength=${MAX_TEXT_LENGTH}
        aria-label=${`Message to ${room.name}`}
        placeholder=${`Message to ${room.name}`}
        .value=${live(state.drafts[room.id] ?? '')}
        @input=${(/** @type {Event & { target: HTMLTextAreaElement }} */ { target }) =>
          chat.setDraft(target.value)}
        @keydown=${onKeydown}
      ></textarea>
      <button type="submit" class="primary">Send</button>
    </form>
  `;
}

/** @param {State} state */
function typingText({ typing, people }) {
  const names = Object.keys(typing).map((id) => people.find((it) => it.id === id)?.name ?? id);
  const [first, second] = names;
  if (first === undefined) return '';
  if (second === undefined) return `${first} is typing…`;
  return names.length === 2 ? `${first} and ${second} are typing…` : 'Several people are typing…';
}
