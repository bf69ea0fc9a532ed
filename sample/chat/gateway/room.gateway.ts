import { ConnectedSocket, MessageBody, SubscribeMessage } from '@nestjs/websockets';
import { MessageStore } from '../messages/message.store.js';
import { ReadMarks } from '../messages/read-marks.js';
import { liveChannel, messagesChannel, userChannel } from '../node/channels.js';
import { assertAllowed, roomsOf } from '../rooms/rooms.js';
import { ChannelFeeds } from './channel-feeds.js';
import type { RoomState } from './chat.events.js';
import type { ChatSocket } from './chat-socket.js';
import { ChatGateway } from './gateway-options.js';
import { OpenRooms } from './open-rooms.js';
import { RoomRequest } from './requests.js';

/** The rooms of a user, and the one that is open. */
@ChatGateway()
export class RoomGateway {
  constructor(
    private readonly feeds: ChannelFeeds,
    private readonly openRooms: OpenRooms,
    private readonly store: MessageStore,
    private readonly marks: ReadMarks,
  ) {}

  /** The rooms of the user. From now on the socket gets `news` of each. */
  @SubscribeMessage('rooms')
  async rooms(@ConnectedSocket() socket: ChatSocket): Promise<RoomState[]> {
    const { user } = socket.data;
    const rooms = roomsOf(user.id);
    const ids = rooms.map(({ id }) => id);
    const channels = ids.map(messagesChannel);
    void socket.join(channels);
    // First, so that no message comes between what is read here and what is received.
    await this.feeds.areSubscribed([...channels, userChannel(user.id)]);
    const [newest, marks] = await Promise.all([
      this.store.newest(ids),
      this.marks.of(user.id, ids),
    ]);
    return rooms.map(({ id, name, members }, i) => ({
      id,
      name,
      isPrivate: members !== undefined,
      newest: newest[i] ?? 0,
      read: marks[id] ?? 0,
    }));
  }

  /** Opens a room. From now on the socket gets all events of the room. */
  @SubscribeMessage('open')
  async open(
    @ConnectedSocket() socket: ChatSocket,
    @MessageBody() { room }: RoomRequest,
  ): Promise<{ readonly newest: number }> {
    assertAllowed(room, socket.data.user.id);
    this.openRooms.enter(socket, room);
    await this.feeds.areSubscribed([messagesChannel(room), liveChannel(room)]);
    await this.openRooms.showPresent(socket);
    const [newest = 0] = await this.store.newest([room]);
    return { newest };
  }
}
