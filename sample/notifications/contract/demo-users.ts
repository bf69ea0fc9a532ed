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

export function findUser(id: string): User | undefined {
  return DEMO_USERS.find((user) => user.id === id);
}

export function nameOf(id: string): string {
  return findUser(id)?.name ?? id;
}
