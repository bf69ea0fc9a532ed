/** The data that a node sends, and the state of the page. */

export interface Person {
  readonly id: string;
  readonly name: string;
}

export interface Message {
  /** The number of the message in its room: 1, 2, 3, without a hole. */
  readonly id: number;
  readonly authorId: string;
  readonly text: string;
  /** ms */
  readonly at: number;
  /** The key that the page of the author chose. */
  readonly key: string;
}

export interface Room {
  readonly id: string;
  readonly name: string;
  readonly isPrivate: boolean;
  /** The id of the newest message that the page knows of; 0 for none. */
  readonly newest: number;
  /** The id of the last message that the user has read; 0 for none. */
  readonly read: number;
}

/** The loaded messages of a room, without a hole. */
export interface Transcript {
  /** Oldest first; each id is that of the message before it and one. */
  readonly messages: readonly Message[];
  /** Whether the newest messages have been loaded once. */
  readonly isLoaded: boolean;
  /** Whether the node may have earlier messages. */
  readonly hasEarlier: boolean;
  readonly isLoadingEarlier: boolean;
}

/** A message that waits for its acknowledgement. */
export interface Outgoing {
  readonly key: string;
  readonly room: string;
  readonly text: string;
  /** Missing until it is stored. */
  readonly id?: number;
  /** Why it was refused for good. */
  readonly failure?: string;
  /** Why it waits. */
  readonly note?: string;
}

/**
 * - `connecting`: no connection yet
 * - `live`: messages arrive at once
 * - `interrupted`: the node has lost its connection to Redis
 * - `reconnecting`: the connection is lost, and the page tries the nodes in turn
 */
export type ConnectionState = 'connecting' | 'live' | 'interrupted' | 'reconnecting';

export interface ConnectionStatus {
  readonly state: ConnectionState;
  /** The name of the node. */
  readonly instance?: string;
  /** Why a node refuses the connection. */
  readonly reason?: string;
}

export interface State {
  readonly people: readonly Person[];
  /** The user that is signed in. */
  readonly user?: Person;
  /** Why the sign-in view is shown, or why signing in failed. */
  readonly notice?: string;
  readonly isSigningIn: boolean;
  readonly connection: ConnectionStatus;
  readonly rooms: readonly Room[];
  /** The id of the open room. */
  readonly open?: string;
  /** By the id of the room. */
  readonly transcripts: Readonly<Record<string, Transcript>>;
  /** The ids of the users that have the open room open. */
  readonly present: readonly string[];
  /** The users that type in the open room, and until when, in ms. */
  readonly typing: Readonly<Record<string, number>>;
  readonly outbox: readonly Outgoing[];
  /** Text that was typed and not sent yet, by the id of the room. */
  readonly drafts: Readonly<Record<string, string>>;
  /** The last message of another user, for screen readers. */
  readonly announcement: string;
  /** Whether the reader sees the end of the transcript. */
  readonly isAtEnd: boolean;
}
