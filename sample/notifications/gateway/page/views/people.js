import { happeningOf } from '../happening.js';
import { failureView, noteView, onSubmit, taskButton } from './controls.js';
import { fieldView } from './field.js';
import { html, nothing } from './lit.js';
import { timeView } from './time.js';

/** @import { SignedIn } from '../signed-in.js' */
/** @import { Person, State } from '../types.js' */

/**
 * @param {State} state
 * @param {Person} user
 * @param {SignedIn} signedIn
 */
export function peopleView(state, user, signedIn) {
  return html`
    <section id="people" class="card" tabindex="-1" aria-labelledby="people-title">
      <h2 id="people-title">People</h2>
      <ul class="people">
        ${(state.people.value ?? []).map(
          (person) => html`
            <li id=${`person-${person.id}`} tabindex="-1">
              <div class="person">
                <strong>${person.name}</strong>${person.id === user.id ? ' (you)' : nothing}
                ${presenceView(person, state)}
                ${person.id === user.id ? nothing : followView(person, state, signedIn)}
              </div>
              ${lastMessageView(person, user, state)}
              ${person.id === user.id ? nothing : messageFormView(person, state, signedIn)}
            </li>
          `,
        )}
      </ul>
    </section>
  `;
}

/**
 * @param {Person} person
 * @param {State} state
 */
function presenceView({ id }, { stream }) {
  const isOnline = stream.online.includes(id);
  return html`
    <span class="presence" data-testid=${`online-${id}`} data-online=${isOnline}
      >${isOnline ? 'online' : 'offline'}</span
    >
  `;
}

/**
 * @param {Person} person
 * @param {State} state
 * @param {SignedIn} signedIn
 */
function followView({ id, name }, { following, tasks }, { feed }) {
  const task = tasks[`follow:${id}`];
  return html`
    ${taskButton({
      task,
      label: `${following.includes(id) ? 'Unfollow' : 'Follow'} ${name}`,
      onClick: () => void feed.toggleFollow(id),
    })}
    ${failureView(task)}
  `;
}

/**
 * The last message of a person, to which its notification leads.
 *
 * @param {Person} person
 * @param {Person} user
 * @param {State} state
 */
function lastMessageView({ id, name }, user, { inbox, now }) {
  const last = inbox.notifications.find(
    (notification) => happeningOf(notification) === 'message' && notification.data?.actorId === id,
  );
  if (!last) return nothing;
  return html`
    <div class="last-message" data-testid="last-message">
      <p class="meta">
        ${id === user.id ? 'Your message' : `Message from ${name}`},
        ${timeView(last.timestamp, now)}
      </p>
      <p class="text">${last.message}</p>
    </div>
  `;
}

/**
 * @param {Person} person
 * @param {State} state
 * @param {SignedIn} signedIn
 */
function messageFormView({ id, name }, state, { messages, drafts, tasks }) {
  const key = `message:${id}`;
  const task = state.tasks[key];
  return html`
    <form
      class="one-line"
      aria-label=${`Send a message to ${name}`}
      @submit=${onSubmit(() => void messages.send(id))}
    >
      ${fieldView({ key, drafts, tasks, label: `Message to ${name}`, hint: `Message to ${name}` })}
      ${taskButton({ label: 'Send', task })}
    </form>
    ${failureView(task)} ${noteView(task)}
  `;
}
