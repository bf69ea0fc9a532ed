/** A message as Redis stores it, as nodes receive it, and as the page shows it. */
export interface Message {
  /** The number of the message in its room: 1, 2, 3, without a hole. */
  readonly id: number;
  readonly authorId: string;
  readonly text: string;
  /** When Redis stored it, in milliseconds since the epoch, by the clock of Redis. */
  readonly at: number;
  /** The key that the page of the author chose. */
  readonly key: string;
}

/** Whether a value is a message. Any client of Redis can publish any value. */
export function isMessage(value: unknown): value is Message {
  if (typeof value !== 'object' || value === null) return false;
  const { id, authorId, text, at, key } = value as Record<string, unknown>;
  return (
    Number.isSafeInteger(id) &&
    typeof at === 'number' &&
    [authorId, text, key].every((it) => typeof it === 'string')
  );
}
