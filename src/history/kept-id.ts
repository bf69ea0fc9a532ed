import { visibleId } from '../codec/message-id.js';

/**
 * Stands in the ids of messages that a history keeps, behind the publisher: `<publisher>.~<stream>-<number>`. Other
 * messages of a channel have streams of their own, which a reader of the history never looks for.
 */
export const KEPT_MARK = '~';

const MARK = `.${KEPT_MARK}`;

/** Whether the id of a message says that a history keeps it. */
export function isKeptId(id: string | undefined): id is string {
  return id !== undefined && id.startsWith(MARK, id.indexOf('.')) && visibleId(id) !== undefined;
}

/** Whether a message is the first one of its stream. */
export function isFirst(id: string): boolean {
  return id.endsWith('-1');
}

/** Whether two messages are of one publisher, and not of one stream. */
export function isOfOtherStream(id: string, other: string): boolean {
  const publisher = id.slice(0, id.indexOf('.') + 1);
  return other.startsWith(publisher) && split(id).stream !== split(other).stream;
}

/** The last numbers of the streams of some messages. Those of one stream are published in the order of their numbers. */
export class LastNumbers {
  readonly #lastOfStream = new Map<string, number>();

  add(messages: readonly { readonly id: string }[]): void {
    for (const { id } of messages) {
      const { stream, number } = split(id);
      const last = this.#lastOfStream.get(stream) ?? 0;
      this.#lastOfStream.set(stream, Math.max(last, number));
    }
  }

  /** Where a message stands to the last one of its stream; `unknown` if that stream has none. */
  placeOf(id: string): 'before' | 'behind' | 'unknown' {
    const { stream, number } = split(id);
    const last = this.#lastOfStream.get(stream);
    if (last === undefined) return 'unknown';
    return number <= last ? 'before' : 'behind';
  }
}

function split(id: string): { readonly stream: string; readonly number: number } {
  const dash = id.lastIndexOf('-');
  return { stream: id.slice(0, dash), number: Number(id.slice(dash + 1)) };
}
