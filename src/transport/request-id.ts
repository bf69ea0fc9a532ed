import type { MessageId } from '../codec/codec.js';

/** What {@link requestIdOf} reads of a message. */
export interface Identified {
  readonly id?: MessageId | undefined;
  readonly replyTo?: string | undefined;
}

/** Identifies a request among those of all clients: its reply channel and its id. `undefined` for an event. */
export function requestIdOf({ id, replyTo }: Identified): string | undefined {
  if (id === undefined) return undefined;
  return replyTo === undefined ? String(id) : `${replyTo}.${id}`;
}
