/** @import { Room } from './types.js' */

/**
 * The number of messages that the user has not read.
 *
 * @param {Room} room
 */
export function unreadOf({ newest, read }) {
  return Math.max(0, newest - read);
}

/**
 * The rooms of a new answer. A message that has arrived since the request may be newer than the answer.
 *
 * @param {readonly Room[]} rooms
 * @param {ReadonlyMap<string, number>} heard the newest id that has arrived, by room
 * @returns {readonly Room[]}
 */
export function withHeard(rooms, heard) {
  return rooms.map((room) => ({ ...room, newest: Math.max(room.newest, heard.get(room.id) ?? 0) }));
}

/**
 * @param {readonly Room[]} rooms
 * @param {string} id of the room
 * @param {{ newest?: number, read?: number }} ids that move forward, and never back
 * @returns {readonly Room[]}
 */
export function advance(rooms, id, { newest = 0, read = 0 }) {
  return rooms.map((room) =>
    room.id === id
      ? { ...room, newest: Math.max(room.newest, newest), read: Math.max(room.read, read) }
      : room,
  );
}
