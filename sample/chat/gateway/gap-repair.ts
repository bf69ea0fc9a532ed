import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { isRedisOutage } from '../../support/redis-outage.js';
import { MessageStore } from '../messages/message.store.js';
import { ReadMarks } from '../messages/read-marks.js';
import { messagesChannel, readChannel, userChannel } from '../node/channels.js';
import { Presence } from '../presence/presence.js';
import { roomsOf } from '../rooms/rooms.js';
import type { ChatServer } from './chat-socket.js';

/** Delay until what failed is read again, in milliseconds. */
const RETRY_DELAY_MS = 500;

/**
 * After a gap of a channel, reads in Redis what its messages were about, once for all sockets of this node. Of a
 * room it sends the newest id: each page reads the messages that it does not have.
 */
@Injectable()
export class GapRepair {
  readonly #logger = new Logger(GapRepair.name);

  constructor(
    private readonly store: MessageStore,
    private readonly marks: ReadMarks,
    private readonly presence: Presence,
  ) {}

  repair(server: ChatServer, channel: string): void {
    const { kind, id } = readChannel(channel) ?? {};
    if (id === undefined) return;
    if (kind === 'live') {
      this.presence.onGap(id);
      return;
    }
    const send = kind === 'messages' ? this.#sendNewest : this.#sendMarks;
    void this.#untilDone(
      () => server.sockets.adapter.rooms.has(channel),
      () => send(server, id),
    );
  }

  #sendNewest = async (server: ChatServer, room: string): Promise<void> => {
    const [id = 0] = await this.store.newest([room]);
    server.to(messagesChannel(room)).emit('news', { room, id });
  };

  #sendMarks = async (server: ChatServer, userId: string): Promise<void> => {
    const rooms = roomsOf(userId).map(({ id }) => id);
    server.to(userChannel(userId)).emit('read', await this.marks.of(userId, rooms));
  };

  /** Subscriptions may be back before the connection of the stored data is. */
  async #untilDone(isNeeded: () => boolean, step: () => Promise<void>): Promise<void> {
    while (isNeeded()) {
      try {
        await step();
        return;
      } catch (error) {
        if (!isRedisOutage(error)) this.#logger.error(error);
        await delay(RETRY_DELAY_MS, undefined, { ref: false });
      }
    }
  }
}
