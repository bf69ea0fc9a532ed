import { Injectable } from '@nestjs/common';
import { userChannel } from '../node/channels.js';
import { MAX_SOCKETS } from '../node/limits.js';
import { Sessions } from '../session/sessions.js';
import type { ChatServer, ChatSocket } from './chat-socket.js';

/** An error of the handshake; the page reads its `data`. */
class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
  readonly data: { readonly code: 'signed-out' | 'too-many-tabs' };

  constructor(code: 'signed-out' | 'too-many-tabs', message: string) {
    super(message);
    this.data = { code };
  }
}

/** Accepts sockets with a valid session only, and closes them when the session ends. */
@Injectable()
export class SocketSessions {
  constructor(private readonly sessions: Sessions) {}

  /**
   * The token comes in the handshake, and not in a cookie: a browser adds nothing to a socket that a page of another
   * site opens.
   */
  protect(server: ChatServer): void {
    server.use((socket, next) => {
      void this.#accept(server, socket).then(next);
    });
  }

  /** Closes the socket when its session ends. */
  begin(socket: ChatSocket): void {
    const { data } = socket;
    data.expiry = setTimeout(
      () => socket.disconnect(true),
      data.expiresAt.getTime() - Date.now(),
    ).unref();
  }

  end({ data }: ChatSocket): void {
    clearTimeout(data.expiry);
  }

  async #accept(server: ChatServer, socket: ChatSocket): Promise<HandshakeError | undefined> {
    const session = await this.sessions.verify(socket.handshake.auth.token);
    if (!session) return new HandshakeError('signed-out', 'Sign in first');
    const open = server.sockets.adapter.rooms.get(userChannel(session.user.id))?.size ?? 0;
    if (open >= MAX_SOCKETS) {
      return new HandshakeError('too-many-tabs', `You have ${open} open tabs. Close one first.`);
    }
    Object.assign(socket.data, session, { typedAt: 0 });
    return undefined;
  }
}
