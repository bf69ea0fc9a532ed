import { Refusal } from '../gateway/refusal.js';

/** A room of the chat. */
export interface Room {
  readonly id: string;
  readonly name: string;
  /** The ids of the users that may read and write; missing if all may. */
  readonly members?: readonly string[];
}

/** The rooms. A real service has a table of rooms and members here. */
const ROOMS: readonly Room[] = [
  { id: 'lobby', name: 'Lobby' },
  { id: 'ideas', name: 'Ideas' },
  { id: 'on-call', name: 'On call', members: ['alice', 'bob'] },
];

/** The rooms that a user may read and write. */
export function roomsOf(userId: string): readonly Room[] {
  return ROOMS.filter((room) => isAllowed(room, userId));
}

/** Throws unless the room exists and the user may read and write it; the refusal is the same for both. */
export function assertAllowed(roomId: string, userId: string): void {
  const room = ROOMS.find(({ id }) => id === roomId);
  if (room && isAllowed(room, userId)) return;
  throw new Refusal('no-such-room', 'There is no such room, or you are not a member of it');
}

function isAllowed({ members }: Room, userId: string): boolean {
  return members === undefined || members.includes(userId);
}
