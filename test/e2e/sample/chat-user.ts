import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { io, type Socket } from 'socket.io-client';
import type { Answer } from '../../../sample/chat/gateway/answer.interceptor.js';
import type { RoomState } from '../../../sample/chat/gateway/chat.events.js';
import type { Message } from '../../../sample/chat/messages/message.js';
import { closeAfterTest } from '../../support/app.js';

export interface ChatUserOptions {
  /** The place of the first node that it connects to. */
  readonly node?: number;
  readonly room?: string;
  /** Whether it reads what it misses. A counter-proof does not. */
  readonly reads?: boolean;
}

/** What an event of a room may have. */
interface RoomEvent {
  readonly room: string;
  readonly id: number;
  readonly message: Message;
  readonly userId: string;
  readonly present?: readonly string[];
  readonly joined?: readonly string[];
  readonly left?: readonly string[];
}

/** The token of a user who signs in at a node. */
export async function signIn(url: string, userId: string): Promise<string> {
  const response = await fetch(`${url}/api/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ userId }),
  });
  const { token } = (await response.json()) as { token: string };
  return token;
}

/** A user of the chat without a browser: it does what the page does, as simply as possible. */
export class ChatUser {
  /** What it has of the room, in the order of arrival. */
  readonly messages: Message[] = [];
  readonly typing: string[] = [];
  /** Each event of the node, by name. */
  readonly events: { readonly name: string; readonly data: unknown }[] = [];
  present = new Set<string>();
  connections = 0;
  readonly room: string;
  #socket: Socket | undefined;
  #node: number;
  #newest = 0;
  #isReading = false;
  #isClosed = false;

  constructor(
    readonly id: string,
    readonly urls: readonly string[],
    readonly token: string,
    private readonly options: ChatUserOptions = {},
  ) {
    this.#node = options.node ?? 0;
    this.room = options.room ?? 'lobby';
    closeAfterTest(async () => this.close());
    this.#connect();
  }

  /** Resolves to a user who is signed in, and has a room open. */
  static async start(
    id: string,
    urls: readonly string[],
    options: ChatUserOptions = {},
  ): Promise<ChatUser> {
    const token = await signIn(urls[options.node ?? 0] ?? '', id);
    const user = new ChatUser(id, urls, token, options);
    while (user.connections === 0) await delay(10);
    return user;
  }

  get texts(): string[] {
    return this.messages.map(({ text }) => text);
  }

  get isConnected(): boolean {
    return Boolean(this.#socket?.connected);
  }

  async request<Value>(name: string, body?: object): Promise<Answer<Value>> {
    const socket = this.#socket;
    if (!socket?.connected) throw new Error('not connected');
    return (await socket.timeout(3_000).emitWithAck(name, body)) as Answer<Value>;
  }

  /** Resolves to the value of an answer; rejects with the error of one. */
  async ask<Value>(name: string, body?: object): Promise<Value> {
    const answer = await this.request<Value>(name, body);
    if ('error' in answer) throw new Error(answer.error.message);
    return answer.value;
  }

  emit(name: string, body: object): void {
    this.#socket?.emit(name, body);
  }

  /** Says a text until a node answers that it is stored. */
  async say(text: string, key: string = randomUUID()): Promise<number> {
    for (;;) {
      try {
        const { id } = await this.ask<{ id: number }>('say', { room: this.room, text, key });
        return id;
      } catch {
        await delay(50);
      }
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.disconnect();
  }

  #connect(): void {
    if (this.#isClosed) return;
    const url = this.urls[this.#node] ?? '';
    const socket = io(url, {
      auth: { token: this.token },
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      timeout: 2_000,
    });
    this.#socket = socket;
    const again = (): void => {
      socket.disconnect();
      this.#node = (this.#node + 1) % this.urls.length;
      setTimeout(() => this.#connect(), 50);
    };
    socket.on('connect_error', again);
    socket.on('disconnect', again);
    socket.on('connect', () => void this.#open(socket));
    socket.onAny((name: string, data: unknown) => this.#receive(name, data));
  }

  async #open(socket: Socket): Promise<void> {
    while (socket.connected) {
      try {
        const rooms = await this.ask<RoomState[]>('rooms');
        await this.ask('open', { room: this.room });
        this.#hear(rooms.find(({ id }) => id === this.room)?.newest ?? 0);
        this.connections += 1;
        return;
      } catch {
        await delay(50);
      }
    }
  }

  #receive(name: string, data: unknown): void {
    this.events.push({ name, data });
    const event = data as RoomEvent;
    if (event.room !== this.room) return;
    if (name === 'message') this.#onMessage(event.message);
    else if (name === 'news') this.#hear(event.id);
    else if (name === 'typing') this.typing.push(event.userId);
    else if (name === 'presence') this.#onPresence(event);
  }

  #onMessage(message: Message): void {
    const follows = message.id === this.#last + 1;
    if (follows || this.options.reads === false) this.messages.push(message);
    this.#hear(message.id);
  }

  #onPresence({ present, joined = [], left = [] }: RoomEvent): void {
    this.present = new Set(present ?? [...this.present, ...joined]);
    for (const id of left) this.present.delete(id);
  }

  get #last(): number {
    return this.messages.at(-1)?.id ?? 0;
  }

  #hear(id: number): void {
    this.#newest = Math.max(id, this.#newest);
    if (this.options.reads === false || this.#newest <= this.#last) return;
    if (!this.#isReading) void this.#read();
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    while (this.#newest > this.#last && !this.#isClosed) {
      try {
        const after = this.#last;
        const found = await this.ask<Message[]>('history', { room: this.room, after });
        // A message may have arrived during the request.
        this.messages.push(...found.filter(({ id }) => id > this.#last));
      } catch {
        await delay(50);
      }
    }
    this.#isReading = false;
  }
}
