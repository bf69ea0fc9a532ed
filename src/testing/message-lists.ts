import { randomBytes } from 'node:crypto';
import type { ListEnd, ListRead, MessageList } from '../broker/broker.js';
import { listEnd } from '../broker/publishing/list-reader.js';

/** The elements of a list, and when the server removes it. */
interface KeptList {
  readonly elements: readonly Buffer[];
  readonly expiresAt: number;
}

/** The lists of a server in memory, which keep messages as the script of a real one does. */
export class MessageLists {
  #lists = new Map<string, KeptList>();
  #serverId = createServerId();

  /** Adds a message to the end of a list. */
  append({ key, size, ttlMs }: MessageList, payload: Buffer): void {
    const elements = [...(this.#find(key)?.elements ?? []), payload].slice(-size);
    this.#lists.set(key, { elements, expiresAt: Date.now() + ttlMs });
  }

  /** Reads a list, as LRANGE does. */
  read({ key, count, skip = 0 }: ListRead): ListEnd {
    const elements = this.#find(key)?.elements ?? [];
    const end = elements.length - skip;
    const read = elements.slice(Math.max(end - count, 0), Math.max(end, 0));
    return listEnd(read, count, this.#serverId);
  }

  /** Removes the list of a key, or all: as if its time to live had ended. */
  expire(key?: string): void {
    if (key === undefined) this.#lists.clear();
    else this.#lists.delete(key);
  }

  /** The lists at this moment, as a replica may have them. */
  snapshot(): ReadonlyMap<string, KeptList> {
    return new Map(this.#lists);
  }

  /** Another server takes over, or this one restarts: it has these lists. */
  replace(lists: ReadonlyMap<string, KeptList>): void {
    this.#lists = new Map(lists);
    this.#serverId = createServerId();
  }

  #find(key: string): KeptList | undefined {
    const list = this.#lists.get(key);
    if (list && list.expiresAt <= Date.now()) this.#lists.delete(key);
    return this.#lists.get(key);
  }
}

function createServerId(): string {
  return randomBytes(20).toString('hex');
}
