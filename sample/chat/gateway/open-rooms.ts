import { Injectable } from '@nestjs/common';
import { liveChannel, messagesChannel } from '../node/channels.js';
import { Presence } from '../presence/presence.js';
import type { ChatSocket } from './chat-socket.js';

/** The room that each socket has open. Its user is present there. */
@Injectable()
export class OpenRooms {
  constructor(private readonly presence: Presence) {}

  /** Opens a room in the place of another. Synchronous, so that no disconnect comes between its steps. */
  enter(socket: ChatSocket, room: string): void {
    const { data } = socket;
    if (data.room === room) return;
    this.leave(socket);
    data.room = room;
    void socket.join([messagesChannel(room), liveChannel(room)]);
    this.presence.add(room, data.user.id);
  }

  leave(socket: ChatSocket): void {
    const { room, user } = socket.data;
    if (room === undefined) return;
    socket.data.room = undefined;
    void socket.leave(liveChannel(room));
    this.presence.remove(room, user.id);
  }

  /** Sends who is present in the open room. */
  async showPresent(socket: ChatSocket): Promise<void> {
    const { room } = socket.data;
    if (room === undefined) return;
    await this.presence.refresh(room);
    // An event and no part of the answer: so it is in order with the changes that follow.
    socket.emit('presence', { room, present: this.presence.presentIn(room) });
  }
}
