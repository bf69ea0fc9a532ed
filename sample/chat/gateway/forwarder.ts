import { Injectable } from '@nestjs/common';
import { RedisPubSubClient } from 'nestjs-redis-pubsub';
import { isMessage } from '../messages/message.js';
import { isMarks } from '../messages/read-marks.js';
import { liveChannel, messagesChannel, readChannel, userChannel } from '../node/channels.js';
import { readSettings } from '../node/settings.js';
import { isPresenceEvent, Presence } from '../presence/presence.js';
import { ChannelFeeds } from './channel-feeds.js';
import { isTyping } from './chat.events.js';
import type { ChatServer, ChatSocket } from './chat-socket.js';
import { GapRepair } from './gap-repair.js';

/** Forwards what Redis delivers to the sockets of this node. */
@Injectable()
export class Forwarder {
  #server!: ChatServer;
  #isLive = false;

  constructor(
    private readonly client: RedisPubSubClient,
    private readonly feeds: ChannelFeeds,
    private readonly presence: Presence,
    private readonly gaps: GapRepair,
  ) {}

  start(server: ChatServer): void {
    this.#server = server;
    this.feeds.follow(server.sockets.adapter, {
      onMessage: (channel, data) => this.#onMessage(channel, data),
      onGap: (channel) => this.gaps.repair(server, channel),
    });
    this.client.status.subscribe((status) => {
      this.#isLive = status === 'connected';
      server.emit('status', this.#status);
    });
    this.presence.changes.subscribe((change) =>
      server.to(liveChannel(change.room)).emit('presence', change),
    );
  }

  /** Sends the status of this moment to a socket that has connected. */
  welcome(socket: ChatSocket): void {
    socket.emit('status', this.#status);
  }

  get #status() {
    return { isLive: this.#isLive, instance: readSettings().instance };
  }

  /** Any client of Redis can publish anything: what is not expected is left out. */
  #onMessage(channel: string, data: unknown): void {
    const { kind, id } = readChannel(channel) ?? {};
    if (id === undefined) return;
    if (kind === 'messages') this.#onRoomMessage(id, data);
    else if (kind === 'live') this.#onLive(id, data);
    else if (isMarks(data)) this.#server.to(channel).emit('read', data);
  }

  #onRoomMessage(room: string, message: unknown): void {
    if (!isMessage(message)) return;
    const [all, open] = [messagesChannel(room), liveChannel(room)];
    this.#server.to(open).emit('message', { room, message });
    this.#server.to(all).except(open).emit('news', { room, id: message.id });
  }

  #onLive(room: string, event: unknown): void {
    if (isPresenceEvent(event)) this.presence.onEvent(room, event);
    if (!isTyping(event)) return;
    const { userId } = event;
    this.#server.to(liveChannel(room)).except(userChannel(userId)).emit('typing', { room, userId });
  }
}
