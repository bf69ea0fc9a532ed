import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Refusal } from '../gateway/refusal.js';
import { messagesChannel, PREFIX } from '../node/channels.js';
import { LIMIT_WINDOW_MS, PAGE_SIZE, RESEND_WINDOW_MS, ROOM_SIZE } from '../node/limits.js';
import { readSettings } from '../node/settings.js';
import { ADD_MESSAGE } from './add-message.js';
import type { Message } from './message.js';

export interface NewMessage {
  readonly room: string;
  readonly authorId: string;
  readonly text: string;
  readonly key: string;
}

type AddMessage = (
  ...keysAndArguments: (string | number)[]
) => Promise<[id: number, waitMs: number]>;
type Entry = [id: string, fields: string[]];

/** The messages of each room, in a stream of Redis whose ids are 1, 2, 3. */
@Injectable()
export class MessageStore {
  readonly #redis: Redis & { addMessage: AddMessage };

  constructor(redis: Redis) {
    redis.defineCommand('addMessage', { numberOfKeys: 4, lua: ADD_MESSAGE });
    this.#redis = redis as Redis & { addMessage: AddMessage };
  }

  /** Stores and publishes a message; resolves to its id. Rejects with a `Refusal` for a user that is too fast. */
  async add({ room, authorId, text, key }: NewMessage): Promise<number> {
    const { messages, last, sent, said } = keysOf(room, authorId, key);
    const [id, waitMs] = await this.#redis.addMessage(
      messages,
      last,
      sent,
      said,
      PREFIX + messagesChannel(room),
      JSON.stringify({ authorId, text, key }),
      ROOM_SIZE,
      readSettings().messageLimit,
      LIMIT_WINDOW_MS,
      RESEND_WINDOW_MS,
    );
    if (id > 0) return id;
    const seconds = Math.ceil(waitMs / 1_000);
    throw new Refusal('too-fast', `You write very fast. Wait ${seconds} s.`, waitMs);
  }

  /** The messages that follow an id, oldest first, at most {@link PAGE_SIZE}. */
  async after(room: string, id: number): Promise<Message[]> {
    const { messages } = keysOf(room);
    return parse(await this.#redis.xrange(messages, id + 1, '+', 'COUNT', PAGE_SIZE));
  }

  /** The last messages before an id, or of all, oldest first, at most {@link PAGE_SIZE}. */
  async before(room: string, id?: number): Promise<Message[]> {
    if (id !== undefined && id <= 1) return [];
    const { messages } = keysOf(room);
    const end = id === undefined ? '+' : id - 1;
    return parse(await this.#redis.xrevrange(messages, end, '-', 'COUNT', PAGE_SIZE)).toReversed();
  }

  /** The id of the newest message of each room; 0 for a room without any. */
  async newest(rooms: readonly string[]): Promise<number[]> {
    const replies = await Promise.all(rooms.map((room) => this.#redis.get(keysOf(room).last)));
    return replies.map(Number);
  }
}

function parse(entries: Entry[]): Message[] {
  return entries.map(([, [, json = '']]) => JSON.parse(json) as Message);
}

/** The hash tag `{…}` keeps the keys of one room in the same slot of a Cluster. */
function keysOf(room: string, authorId = '', key = '') {
  const prefix = `${PREFIX}room:{${room}}`;
  return {
    messages: `${prefix}:messages`,
    last: `${prefix}:last`,
    sent: `${prefix}:sent:${authorId}:${key}`,
    said: `${prefix}:said:${authorId}`,
  };
}
