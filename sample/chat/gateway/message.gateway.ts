import { ConnectedSocket, MessageBody, SubscribeMessage } from '@nestjs/websockets';
import { RedisPubSubService } from 'nestjs-redis-pubsub';
import type { Message } from '../messages/message.js';
import { MessageStore } from '../messages/message.store.js';
import { ReadMarks } from '../messages/read-marks.js';
import { liveChannel, userChannel } from '../node/channels.js';
import { TYPING_INTERVAL_MS } from '../node/limits.js';
import { assertAllowed } from '../rooms/rooms.js';
import type { TypingEvent } from './chat.events.js';
import type { ChatSocket } from './chat-socket.js';
import { ChatGateway } from './gateway-options.js';
import { HistoryRequest, ReadRequest, RoomRequest, SayRequest } from './requests.js';

/** What users say and read. All sockets learn of it through Redis, also those of this node. */
@ChatGateway()
export class MessageGateway {
  constructor(
    private readonly pubsub: RedisPubSubService,
    private readonly store: MessageStore,
    private readonly marks: ReadMarks,
  ) {}

  @SubscribeMessage('history')
  async history(
    @ConnectedSocket() socket: ChatSocket,
    @MessageBody() { room, after, before }: HistoryRequest,
  ): Promise<Message[]> {
    assertAllowed(room, socket.data.user.id);
    return after === undefined ? this.store.before(room, before) : this.store.after(room, after);
  }

  /** The answer has the id: then the message is stored, and Redis has published it. */
  @SubscribeMessage('say')
  async say(
    @ConnectedSocket() socket: ChatSocket,
    @MessageBody() { room, text, key }: SayRequest,
  ): Promise<{ readonly id: number }> {
    const authorId = socket.data.user.id;
    assertAllowed(room, authorId);
    return { id: await this.store.add({ room, authorId, text, key }) };
  }

  /** A typing event may be lost: it is over in a few seconds. */
  @SubscribeMessage('typing')
  async typing(
    @ConnectedSocket() socket: ChatSocket,
    @MessageBody() { room }: RoomRequest,
  ): Promise<void> {
    const { data } = socket;
    const now = Date.now();
    if (data.room !== room || now - data.typedAt < TYPING_INTERVAL_MS) return;
    data.typedAt = now;
    // A later one would not be true any more.
    if (this.pubsub.status !== 'connected') return;
    const event: TypingEvent = { type: 'typing', userId: data.user.id };
    await this.pubsub.publish(liveChannel(room), event);
  }

  @SubscribeMessage('read')
  async read(
    @ConnectedSocket() socket: ChatSocket,
    @MessageBody() { room, id }: ReadRequest,
  ): Promise<void> {
    const { user } = socket.data;
    assertAllowed(room, user.id);
    const isMoved = await this.marks.advance(user.id, room, id);
    if (isMoved) await this.pubsub.publish(userChannel(user.id), { [room]: id });
  }
}
