import type { OnGatewayConnection, OnGatewayDisconnect, OnGatewayInit } from '@nestjs/websockets';
import { userChannel } from '../node/channels.js';
import type { ChatServer, ChatSocket } from './chat-socket.js';
import { Forwarder } from './forwarder.js';
import { ChatGateway } from './gateway-options.js';
import { OpenRooms } from './open-rooms.js';
import { SocketSessions } from './socket-sessions.js';

/** Sockets that come and go. */
@ChatGateway()
export class ConnectionGateway
  implements
    OnGatewayInit<ChatServer>,
    OnGatewayConnection<ChatSocket>,
    OnGatewayDisconnect<ChatSocket>
{
  constructor(
    private readonly sessions: SocketSessions,
    private readonly forwarder: Forwarder,
    private readonly openRooms: OpenRooms,
  ) {}

  afterInit(server: ChatServer): void {
    this.sessions.protect(server);
    this.forwarder.start(server);
  }

  handleConnection(socket: ChatSocket): void {
    this.sessions.begin(socket);
    void socket.join(userChannel(socket.data.user.id));
    this.forwarder.welcome(socket);
  }

  handleDisconnect(socket: ChatSocket): void {
    this.sessions.end(socket);
    this.openRooms.leave(socket);
  }
}
