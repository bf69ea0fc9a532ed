import { html } from './lit.js';

/** @import { Person, State } from '../types.js' */

/**
 * The users that have the open room open, this one first.
 *
 * @param {State} state
 * @param {Person} user
 */
export function peopleView({ present, people }, user) {
  const names = present
    .filter((id) => id !== user.id)
    .map((id) => people.find((person) => person.id === id)?.name ?? id)
    .toSorted((one, other) => one.localeCompare(other));
  const isHere = present.includes(user.id);
  return html`
    <aside class="people" aria-labelledby="people-title">
      <h2 id="people-title">In this room <span class="count">${present.length}</span></h2>
      <ul>
        ${isHere ? html`<li data-testid="present">${user.name} (you)</li>` : ''}
        ${names.map((name) => html`<li data-testid="present">${name}</li>`)}
      </ul>
    </aside>
  `;
}
