import { dayOf, isSameDay, timeOf } from '../time.js';
import { unreadOf } from '../rooms.js';
import { html, nothing, repeat } from './lit.js';
import { isAtEnd, isNearStart, scrollToEnd } from './scroll.js';

/** @import { Chat } from '../chat.js' */
/** @import { Message, Outgoing, Person, Room, State, Transcript } from '../types.js' */

/** Messages of one author within this time have one heading, in ms. */
const GROUP_MS = 5 * 60_000;

/**
 * @param {object} view
 * @param {State} view.state
 * @param {Room | undefined} view.room
 * @param {Transcript} view.transcript
 * @param {Person} view.user
 * @param {Chat} view.chat
 */
export function transcriptView({ state, room, transcript, user, chat }) {
  const { messages, isLoaded } = transcript;
  /** @param {Event & { currentTarget: HTMLElement }} event */
  const onScroll = ({ currentTarget }) => {
    chat.setAtEnd(isAtEnd(currentTarget));
    if (isNearStart(currentTarget)) void chat.loadEarlier();
  };
  return html`
    <div class="place">
      <div
        id="log"
        class="log"
        tabindex="0"
        role="region"
        aria-label="Messages"
        data-room=${room?.id ?? nothing}
        @scroll=${onScroll}
      >
        ${earlierView(transcript, chat)}
        ${isLoaded ? nothing : html`<p class="empty" role="status">Loading…</p>`}
        ${isLoaded && messages.length === 0 ? html`<p class="empty">No message yet.</p>` : nothing}
        <ol>
          ${repeat(
            messages,
            ({ id }) => id,
            (message, i) => messageView(message, messages[i - 1], state, user),
          )}
          ${repeat(
            state.outbox.filter((outgoing) => outgoing.room === room?.id),
            ({ key }) => key,
            (outgoing) => outgoingView(outgoing, user, chat),
          )}
        </ol>
      </div>
      ${room && !state.isAtEnd ? endButton(room) : nothing}
    </div>
  `;
}

/**
 * @param {Transcript} transcript
 * @param {Chat} chat
 */
function earlierView({ messages, isLoaded, hasEarlier, isLoadingEarlier }, chat) {
  if (!isLoaded || messages.length === 0) return nothing;
  if (!hasEarlier) return html`<p class="start">This is the start of the room.</p>`;
  return html`
    <button type="button" class="earlier" @click=${() => void chat.loadEarlier()}>
      ${isLoadingEarlier ? 'Loading…' : 'Load earlier messages'}
    </button>
  `;
}

/** @param {Room} room */
function endButton(room) {
  const unread = unreadOf(room);
  const label =
    unread > 0 ? `${unread} new ${unread === 1 ? 'message' : 'messages'}` : 'To the end';
  return html`<button type="button" class="to-end" @click=${scrollToEnd}>${label} ↓</button>`;
}

/**
 * @param {Message} message
 * @param {Message | undefined} before
 * @param {State} state
 * @param {Person} user
 */
function messageView(message, before, { people }, user) {
  const { id, authorId, text, at } = message;
  const isNewDay = !before || !isSameDay(before.at, at);
  const isGrouped = !isNewDay && before.authorId === authorId && at - before.at < GROUP_MS;
  const author = people.find((person) => person.id === authorId)?.name ?? authorId;
  return html`
    ${isNewDay ? html`<li class="day"><h3>${dayOf(at)}</h3></li>` : nothing}
    <li
      class=${isGrouped ? 'message grouped' : 'message'}
      data-testid="message"
      data-id=${id}
      data-own=${authorId === user.id}
    >
      <p class=${isGrouped ? 'by visually-hidden' : 'by'}>
        <strong>${author}</strong>
        <time datetime=${new Date(at).toISOString()}>${timeOf(at)}</time>
      </p>
      <p class="text" data-testid="text">${text}</p>
    </li>
  `;
}

/**
 * @param {Outgoing} outgoing
 * @param {Person} user
 * @param {Chat} chat
 */
function outgoingView({ key, text, failure, note }, user, chat) {
  return html`
    <li class="message outgoing" data-testid="outgoing" data-own="true">
      <p class="by"><strong>${user.name}</strong> ${failure ? nothing : (note ?? 'Sending…')}</p>
      <p class="text">${text}</p>
      ${
        failure
          ? html`<p class="failure" role="alert">
              Not sent: ${failure}.
              <button type="button" @click=${() => chat.discard(key)}>Discard</button>
            </p>`
          : nothing
      }
    </li>
  `;
}
