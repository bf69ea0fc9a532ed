/** A user of the chat. */
export interface Person {
  readonly id: string;
  readonly name: string;
}

/** The users that can sign in. A real service has a user directory here. */
export const PEOPLE: readonly Person[] = [
  { id: 'alice', name: 'Alice' },
  { id: 'bob', name: 'Bob' },
  { id: 'carol', name: 'Carol' },
  { id: 'dave', name: 'Dave' },
];

/** The user with this id; `undefined` if there is none. */
export function findPerson(id: string): Person | undefined {
  return PEOPLE.find((person) => person.id === id);
}
