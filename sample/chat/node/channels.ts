import { buildChannel } from 'nestjs-redis-pubsub';

/** The prefix of every channel and key of this application. */
export const PREFIX = 'chat:';

const MESSAGES = 'room.:room.messages';
const LIVE = 'room.:room.live';
const USER = 'user.:user';

/**
 * The channel of the messages of a room. A node with a socket of any user that may read the room is
 * subscribed.
 */
export const messagesChannel = (room: string): string => buildChannel(MESSAGES, { room });

/** The channel of typing and presence. Only nodes on which the room is open are subscribed. */
export const liveChannel = (room: string): string => buildChannel(LIVE, { room });

/** The channel of what concerns all tabs of one user. */
export const userChannel = (user: string): string => buildChannel(USER, { user });

/** What a channel is for, and of which room or user; `undefined` for any other name. */
export function readChannel(
  channel: string,
): { readonly kind: 'messages' | 'live' | 'user'; readonly id: string } | undefined {
  const [first, id = '', last] = channel.split('.');
  if (first === 'user' && last === undefined && id !== '') return { kind: 'user', id };
  if (first !== 'room' || (last !== 'messages' && last !== 'live')) return undefined;
  return { kind: last, id };
}
