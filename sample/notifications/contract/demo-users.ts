import { readSettings } from '../process/settings.js';
import { USER_ID } from './user-id.js';

export interface User {
  readonly id: string;
  readonly name: string;
  readonly isAdministrator: boolean;
}

/** The users that can sign in. A real service has a user directory here. */
export const DEMO_USERS: readonly User[] = [
  { id: 'alice', name: 'Alice', isAdministrator: false },
  { id: 'bob', name: 'Bob', isAdministrator: false },
  { id: 'carol', name: 'Carol', isAdministrator: false },
  { id: 'dave', name: 'Dave', isAdministrator: true },
];

/** The user with this id; `undefined` if there is none. */
export function findUser(id: string): User | undefined {
  return DEMO_USERS.find((user) => user.id === id) ?? findGuest(id);
}

export function nameOf(id: string): string {
  return findUser(id)?.name ?? id;
}

/** A user of a load test. */
function findGuest(id: string): User | undefined {
  const { guestPrefix } = readSettings();
  const isGuest = guestPrefix !== '' && id.startsWith(guestPrefix) && USER_ID.test(id);
  return isGuest ? { id, name: id, isAdministrator: false } : undefined;
}
