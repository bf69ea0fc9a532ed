import type { DefaultEventsMap, Server, Socket } from 'socket.io';
import type { Person } from '../rooms/people.js';
import type { NodeEvents } from './chat.events.js';

/** What a node knows of a socket. */
export interface SocketData {
  user: Person;
  /** When the session of the user ends. */
  expiresAt: Date;
  /** The timer of that end. */
  expiry?: NodeJS.Timeout;
  /** The open room. */
  room?: string;
  /** When the last typing event was passed on, in milliseconds since the epoch. */
  typedAt: number;
}

export type ChatServer = Server<DefaultEventsMap, NodeEvents, DefaultEventsMap, SocketData>;
export type ChatSocket = Socket<DefaultEventsMap, NodeEvents, DefaultEventsMap, SocketData>;
