import { coalesce } from './coalesce.js';
import { Connection } from './connection.js';
import { Outbox } from './outbox.js';
import { RequestError } from './request-error.js';
import { advance, withHeard } from './rooms.js';
import { append, emptyTranscript, lastId, load, prepend } from './transcript.js';
import { Typing } from './typing.js';

/** @import { Store } from './store.js' */
/** @import { Message, Person, Transcript } from './types.js' */

/** Delay before a request that failed is repeated, in ms. */
const RETRY_DELAY_MS = 1_000;
/** A page that misses more messages loads the newest ones, and the others as the reader scrolls back. */
const MAX_CATCH_UP = 500;
/** Delay in which marks are joined, in ms. */
const MARK_DELAY_MS = 300;

/**
 * The chat of the signed-in user. Each message of a room has the number that follows the one before it, so that the
 * page knows what it does not have, and reads that: after a reconnect, and after an outage of Redis.
 */
export class Chat {
  #store;
  #connection;
  #outbox;
  #typing;
  #me;
  /** The newest id that has arrived over this connection, by room. */
  #heard = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retryTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #markTimer;

  /**
   * @param {Store} store
   * @param {{ user: Person, token: string, nodes: readonly string[], onSignedOut: () => void }} options
   */
  constructor(store, { user, token, nodes, onSignedOut }) {
    this.#store = store;
    this.#me = user.id;
    this.#connection = new Connection({
      nodes,
      token,
      onSignedOut,
      onConnected: () => {
        this.#heard.clear();
        void this.#sync();
      },
      onEvent: (event, data) => this.#receive(event, data),
      onStatus: (connection) => store.update({ connection }),
    });
    this.#outbox = new Outbox(store, this.#connection, (room, id) => {
      this.#hear(room, id);
      this.#outbox.settle(room, this.#transcriptOf(room).messages);
    });
    this.#typing = new Typing(store, () => {
      this.#connection.hint('typing', { room: store.state.open });
    });
  }

  /** @param {string} room */
  open(room) {
    if (room === this.#store.state.open) return;
    this.#typing.clear();
    this.#store.update({ open: room, present: [], isAtEnd: true, announcement: '' });
    void this.#sync();
  }

  /** Says the draft of the open room. */
  say() {
    const { open, drafts } = this.#store.state;
    const text = open === undefined ? '' : (drafts[open] ?? '').trim();
    if (open === undefined || text === '') return;
    this.#store.update({ drafts: { ...drafts, [open]: '' }, isAtEnd: true });
    this.#typing.reset();
    this.#outbox.add(open, text);
  }

  /** @param {string} text */
  setDraft(text) {
    const { open, drafts } = this.#store.state;
    if (open === undefined) return;
    this.#store.update({ drafts: { ...drafts, [open]: text } });
    if (text !== '') this.#typing.onInput();
  }

  /** @param {string} key */
  discard(key) {
    this.#outbox.discard(key);
  }

  /** @param {boolean} isAtEnd */
  setAtEnd(isAtEnd) {
    if (isAtEnd !== this.#store.state.isAtEnd) this.#store.update({ isAtEnd });
    this.#markRead();
  }

  async loadEarlier() {
    const room = this.#store.state.open;
    const transcript = this.#transcriptOf(room);
    const [first] = transcript.messages;
    if (!room || !first || !transcript.hasEarlier || transcript.isLoadingEarlier) return;
    this.#change(room, (it) => ({ ...it, isLoadingEarlier: true }));
    try {
      const earlier = await this.#connection.request('history', { room, before: first.id });
      this.#change(room, (it) => prepend(it, earlier));
    } catch (error) {
      this.#change(room, (it) => ({ ...it, isLoadingEarlier: false }));
      this.#onError(error);
    }
  }

  /** The page is visible or online again. */
  wake() {
    this.#connection.wake();
    this.#markRead();
  }

  close() {
    this.#connection.close();
    this.#outbox.close();
    this.#typing.clear();
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#markTimer);
  }

  /** Brings rooms, presence and transcript up to date, and sends what waits. */
  #sync = coalesce(async () => {
    clearTimeout(this.#retryTimer);
    try {
      const rooms = withHeard(await this.#connection.request('rooms'), this.#heard);
      this.#store.update({ rooms });
      const open = rooms.find(({ id }) => id === this.#store.state.open) ?? rooms[0];
      if (!open) return;
      this.#store.update({ open: open.id });
      const { newest } = await this.#connection.request('open', { room: open.id });
      this.#hear(open.id, newest);
      await this.#fill(open.id);
      this.#markRead();
      void this.#outbox.send();
    } catch (error) {
      this.#onError(error);
    }
  });

  /** Reads the messages of the open room that the page does not have. */
  #catchUp = coalesce(async () => {
    const { open } = this.#store.state;
    if (open === undefined) return;
    try {
      await this.#fill(open);
      this.#markRead();
    } catch (error) {
      this.#onError(error);
    }
  });

  /** @param {string} room */
  async #fill(room) {
    const missing = this.#missing(room);
    // A negative number: Redis has lost its data.
    const isFar = missing > MAX_CATCH_UP || missing < 0;
    if (isFar || !this.#transcriptOf(room).isLoaded) await this.#loadNewest(room);
    while (this.#missing(room) > 0) {
      const after = lastId(this.#transcriptOf(room));
      const messages = await this.#connection.request('history', { room, after });
      this.#change(room, (transcript) => append(transcript, messages));
      if (lastId(this.#transcriptOf(room)) > after) continue;
      // Redis does not keep the next one any more.
      await this.#loadNewest(room);
      return;
    }
  }

  /** @param {string} room */
  async #loadNewest(room) {
    const messages = await this.#connection.request('history', { room });
    this.#change(room, () => load(messages));
  }

  /**
   * @param {string} event
   * @param {any} data
   */
  #receive(event, data) {
    if (event === 'status') {
      const state = data.isLive ? 'live' : 'interrupted';
      this.#store.update({ connection: { state, instance: data.instance } });
    } else if (event === 'message') this.#onMessage(data.room, data.message);
    else if (event === 'news') this.#hear(data.room, data.id);
    else if (event === 'presence') this.#onPresence(data);
    else if (event === 'typing' && data.room === this.#store.state.open) {
      this.#typing.receive(data.userId);
    } else if (event === 'read') this.#onRead(data);
  }

  /**
   * @param {string} room
   * @param {Message} message
   */
  #onMessage(room, message) {
    this.#change(room, (transcript) => append(transcript, [message]));
    this.#typing.remove(message.authorId);
    if (message.authorId !== this.#me && room === this.#store.state.open) {
      const author = this.#store.state.people.find(({ id }) => id === message.authorId);
      this.#store.update({ announcement: `${author?.name ?? message.authorId}: ${message.text}` });
    }
    this.#hear(room, message.id);
    this.#markRead();
  }

  /**
   * A room has messages up to this id.
   *
   * @param {string} room
   * @param {number} id
   */
  #hear(room, id) {
    this.#heard.set(room, Math.max(id, this.#heard.get(room) ?? 0));
    this.#store.update({ rooms: advance(this.#store.state.rooms, room, { newest: id }) });
    const isOpen = room === this.#store.state.open;
    if (isOpen && this.#transcriptOf(room).isLoaded && this.#missing(room) > 0)
      void this.#catchUp();
  }

  /** @param {{ room: string, present?: string[], joined?: string[], left?: string[] }} change */
  #onPresence({ room, present, joined = [], left = [] }) {
    if (room !== this.#store.state.open) return;
    const before = this.#store.state.present.filter((id) => !left.includes(id));
    const after = present ?? [...before, ...joined.filter((id) => !before.includes(id))];
    this.#store.update({ present: after });
  }

  /** @param {Record<string, number>} marks */
  #onRead(marks) {
    let { rooms } = this.#store.state;
    for (const [room, read] of Object.entries(marks)) rooms = advance(rooms, room, { read });
    this.#store.update({ rooms });
  }

  /** Marks the open room as read, while its end is in sight. */
  #markRead() {
    const { open, rooms, isAtEnd } = this.#store.state;
    const room = rooms.find(({ id }) => id === open);
    const last = lastId(this.#transcriptOf(open));
    if (!room || document.hidden || !isAtEnd || last <= room.read) return;
    this.#store.update({ rooms: advance(rooms, room.id, { read: last }) });
    clearTimeout(this.#markTimer);
    this.#markTimer = setTimeout(() => {
      // A mark that is lost is sent again after the next message or connection.
      this.#connection.request('read', { room: room.id, id: last }).catch(() => undefined);
    }, MARK_DELAY_MS);
  }

  /** @param {unknown} error */
  #onError(error) {
    if (!(error instanceof RequestError)) throw error;
    // A new connection begins with all of it.
    if (!this.#connection.isConnected) return;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => void this.#sync(), RETRY_DELAY_MS);
  }

  /**
   * How many of the messages of a room follow the last one of the page.
   *
   * @param {string} room
   */
  #missing(room) {
    const newest = this.#store.state.rooms.find(({ id }) => id === room)?.newest ?? 0;
    return newest - lastId(this.#transcriptOf(room));
  }

  /**
   * @param {string | undefined} room
   * @returns {Transcript}
   */
  #transcriptOf(room) {
    return this.#store.state.transcripts[room ?? ''] ?? emptyTranscript;
  }

  /**
   * @param {string} room
   * @param {(transcript: Transcript) => Transcript} change
   */
  #change(room, change) {
    const transcript = change(this.#transcriptOf(room));
    const { transcripts } = this.#store.state;
    this.#store.update({ transcripts: { ...transcripts, [room]: transcript } });
    this.#outbox.settle(room, transcript.messages);
  }
}
