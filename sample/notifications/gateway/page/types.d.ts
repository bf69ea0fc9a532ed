/** What the gateway sends, and the one state of the page. */

export type NotificationType = 'info' | 'warning' | 'error' | 'success';

export interface Notification {
  readonly id: string;
  /** `null` for everybody. */
  readonly userId: string | null;
  readonly type: NotificationType;
  readonly title: string;
  readonly message: string;
  /** ISO 8601. */
  readonly timestamp: string;
  readonly read: boolean;
}

/** The inbox at one moment. */
export interface InboxSnapshot {
  /** Newest first. */
  readonly notifications: readonly Notification[];
  readonly unread: number;
}

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly isAdministrator: boolean;
}

export interface Comment {
  readonly authorId: string;
  readonly text: string;
  readonly timestamp: string;
}

export interface Post {
  readonly id: string;
  readonly authorId: string;
  readonly text: string;
  readonly likes: number;
  /** By the user of this page. */
  readonly isLiked: boolean;
  readonly comments: readonly Comment[];
}

export interface SignedInUser {
  readonly user: Person;
  /** The gateway that answered. */
  readonly instance: string;
}

export interface Announcement {
  readonly title: string;
  readonly message: string;
  readonly type: string;
}

/** An event of the stream, by its name. */
export type StreamEvent =
  | { readonly name: 'ready' | 'interrupted'; readonly data: { readonly instance: string } }
  | { readonly name: 'notification'; readonly data: Notification }
  | { readonly name: 'read'; readonly data: { readonly ids: readonly string[] } }
  | { readonly name: 'presence'; readonly data: { readonly online: readonly string[] } }
  | { readonly name: 'heartbeat'; readonly data: object };

/**
 * - `connecting`: no stream yet
 * - `connected`: every notification is heard
 * - `interrupted`: the gateway lost Redis
 * - `reconnecting`: the stream is gone, and will be opened anew
 */
export type ConnectionState = 'connecting' | 'connected' | 'interrupted' | 'reconnecting';

/** What a tab must know of the stream when it joins. */
export interface StreamStatus {
  readonly connection: ConnectionState;
  /** The gateway at the other end, once it has said so. */
  readonly instance?: string;
  /** Who is online. */
  readonly online: readonly string[];
  /** Only while `reconnecting`: how long until the next attempt, in ms. */
  readonly retryIn?: number;
}

export interface Inbox {
  /** Newest first. */
  readonly notifications: readonly Notification[];
  /** Heard to be read, also of notifications that are not here yet. */
  readonly readIds: ReadonlySet<string>;
  readonly isLoading: boolean;
  /** Whether it was ever loaded. */
  readonly isLoaded: boolean;
  /** What was heard since the loading began, oldest first. */
  readonly heard: readonly Notification[];
  /** Why it could not be loaded. */
  readonly failure?: string;
}

/** Something that is loaded as a whole. */
export interface Loadable<T> {
  readonly value?: T;
  readonly failure?: string;
}

/** The request of one control. */
export interface Task {
  readonly isRunning: boolean;
  readonly failure?: string;
  /** What to say of its success. */
  readonly note?: string;
}

export type SessionState =
  | { readonly status: 'unknown' }
  | { readonly status: 'unreachable'; readonly failure: string }
  | { readonly status: 'signed-out'; readonly notice?: string }
  | { readonly status: 'signed-in'; readonly user: Person; readonly instance: string };

export interface State {
  readonly session: SessionState;
  readonly people: Loadable<readonly Person[]>;
  readonly stream: StreamStatus;
  readonly inbox: Inbox;
  readonly posts: Loadable<readonly Post[]>;
  /** Ids of the users whom the user follows. */
  readonly following: readonly string[];
  readonly toasts: readonly Notification[];
  readonly broadcasts: readonly Notification[];
  /** By the key of the control. */
  readonly tasks: Readonly<Record<string, Task>>;
  /** What was typed and not sent yet, by the key of the field. */
  readonly drafts: Readonly<Record<string, string>>;
  /** For relative times, ms. */
  readonly now: number;
}
