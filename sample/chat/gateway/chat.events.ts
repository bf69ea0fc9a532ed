import type { Marks } from '../messages/read-marks.js';
import type { Message } from '../messages/message.js';

/** A room as its user sees it. */
export interface RoomState {
  readonly id: string;
  readonly name: string;
  readonly isPrivate: boolean;
  /** The id of the newest message; 0 for none. */
  readonly newest: number;
  /** The id of the last message that the user has read; 0 for none. */
  readonly read: number;
}

/** Another user types in a room. Redis keeps nothing of it. */
export interface TypingEvent {
  readonly type: 'typing';
  readonly userId: string;
}

/** What a node sends to its sockets, by the name of the event. */
export interface NodeEvents {
  /** Whether the node receives what other nodes publish. */
  status(status: { readonly isLive: boolean; readonly instance: string }): void;
  /** A new message of the open room. */
  message(event: { readonly room: string; readonly message: Message }): void;
  /** A room has messages up to this id. A page that has the room open reads those that it does not have. */
  news(event: { readonly room: string; readonly id: number }): void;
  /** Who is present in the open room: all users, or the changes. */
  presence(event: {
    readonly room: string;
    readonly present?: readonly string[];
    readonly joined?: readonly string[];
    readonly left?: readonly string[];
  }): void;
  typing(event: { readonly room: string; readonly userId: string }): void;
  /** The user has read messages in another tab. */
  read(marks: Marks): void;
}

export function isTyping(value: unknown): value is TypingEvent {
  const { type, userId } = (value ?? {}) as Partial<TypingEvent>;
  return type === 'typing' && typeof userId === 'string';
}
