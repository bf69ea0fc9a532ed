/** The data that the gateway sends, and the state of the page. */

export type NotificationType = 'info' | 'warning' | 'error' | 'success';

export interface Notification {
  readonly id: string;
  /** `null` for all users. */
  readonly userId: string | null;
  readonly type: NotificationType;
  readonly title: string;
  readonly message: string;
  /** ISO 8601. */
  readonly timestamp: string;
  readonly read: boolean;
  /** The data of the event. Another client of Redis can publish a notification without any. */
  readonly data?: {
    readonly actorId?: unknown;
    readonly postId?: unknown;
    readonly text?: unknown;
  } | null;
}

/** A message that one process of the sample sent to Redis or received from it. */
export interface PassedMessage {
  readonly kind: 'sent' | 'received';
  /** The name of the process. */
  readonly instance: string;
  readonly channel: string;
  /** The pattern of the subscription, if the message arrived by one. */
  readonly pattern?: string;
  /** The number of subscriptions that Redis delivered a sent message to; missing if it was not sent. */
  readonly receivers?: number;
}

export interface TrafficEntry extends PassedMessage {
  /** Counts the messages of this page. */
  readonly number: number;
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
  /** Whether the user of this page likes the post. */
  readonly isLiked: boolean;
  readonly comments: readonly Comment[];
}

export interface SignedInUser {
  readonly user: Person;
  /** The name of the gateway that sent the response. */
  readonly instance: string;
}

export interface Announcement {
  readonly title: string;
  readonly message: string;
  readonly type: string;
}

/** An event of the stream. */
export type StreamEvent = StreamContent & {
  /** What the page has up to this event: a stream that is opened with it goes on there. */
  readonly lastEventId: string;
};

/** The time over which the pages of a gateway spread what they do at once, in ms. */
interface Spread {
  readonly spreadMs: number;
}

/** The content of an event, by its name. */
type StreamContent =
  | { readonly name: 'ready'; readonly data: Spread & { readonly instance: string } }
  | { readonly name: 'interrupted'; readonly data: { readonly instance: string } }
  /** Notifications may be missing: the page loads the inbox. */
  | { readonly name: 'resync'; readonly data: Spread }
  | { readonly name: 'notification'; readonly data: Notification }
  | { readonly name: 'read'; readonly data: { readonly ids: readonly string[] } }
  | { readonly name: 'post'; readonly data: Spread & { readonly postId: string } }
  | { readonly name: 'traffic'; readonly data: { readonly messages: readonly PassedMessage[] } }
  | { readonly name: 'presence'; readonly data: { readonly online: readonly string[] } }
  | { readonly name: 'heartbeat'; readonly data: object };

/**
 * - `connecting`: no stream yet
 * - `connected`: the stream delivers every notification
 * - `interrupted`: the gateway has lost its connection to Redis
 * - `reconnecting`: the stream is lost, and a reconnect is scheduled
 */
export type ConnectionState = 'connecting' | 'connected' | 'interrupted' | 'reconnecting';

/** The state of the stream, which the leader sends to a tab that joins. */
export interface StreamStatus {
  readonly connection: ConnectionState;
  /** The name of the gateway; missing until its first `ready`. */
  readonly instance?: string;
  /** The ids of the users that are online. */
  readonly online: readonly string[];
  /** Delay until the next attempt of the page, in ms; only while `reconnecting`, and not by the browser. */
  readonly retryIn?: number | undefined;
}

export interface Inbox {
  /** Newest first. */
  readonly notifications: readonly Notification[];
  /** Ids of read notifications, including ones that have not arrived yet. */
  readonly readIds: ReadonlySet<string>;
  readonly isLoading: boolean;
  /** Whether the inbox has been loaded at least once. */
  readonly isLoaded: boolean;
  /** Notifications that arrived since the current load began, oldest first. */
  readonly receivedWhileLoading: readonly Notification[];
  /** The error of the last load. */
  readonly failure?: string;
}

/** A value that one request loads. */
export interface Loadable<T> {
  readonly value?: T;
  readonly failure?: string;
}

/** The request of one control. */
export interface Task {
  readonly isRunning: boolean;
  readonly failure?: string;
  /** Whether the failure is over when the services are back. */
  readonly isTemporary?: boolean;
  /** The text that is shown on success. */
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
  /** Ids of the users that the user follows. */
  readonly following: readonly string[];
  readonly toasts: readonly Notification[];
  readonly broadcasts: readonly Notification[];
  /** Oldest first. */
  readonly traffic: readonly TrafficEntry[];
  /** By the key of the control. */
  readonly tasks: Readonly<Record<string, Task>>;
  /** Text that was typed and not sent yet, by the key of the field. */
  readonly drafts: Readonly<Record<string, string>>;
  /** For relative times, ms. */
  readonly now: number;
}
