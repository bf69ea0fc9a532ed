import { channelKind, type ChannelKind } from '../channel/subscription-key.js';
import { encodeSegment } from '../channel/segment.js';
import type { MessageBus } from '../transport/message-bus.js';

/** A channel of a namespace, by Redis' name. */
export interface NamespaceChannel {
  readonly kind: ChannelKind;
  readonly name: string;
}

/** The channels of one namespace. They are reserved: handlers with a glob do not receive them. */
export class NamespaceChannels {
  /** All servers receive it. */
  readonly all: NamespaceChannel;

  constructor({ reserved, options }: MessageBus, namespace: string, sharded: boolean) {
    const kind = channelKind(sharded);
    const start = reserved.ofAdapter(`socketio.${encodeSegment(options.prefix)}`, kind);
    this.all = { kind, name: start + encodeSegment(namespace) };
  }

  /** Only the server with this id receives it. */
  server(uid: string): NamespaceChannel {
    return this.#below('server', uid);
  }

  /** The servers with a socket in the room receive it. */
  room(room: string): NamespaceChannel {
    return this.#below('room', encodeSegment(room));
  }

  #below(part: string, segment: string): NamespaceChannel {
    return { kind: this.all.kind, name: `${this.all.name}.${part}.${segment}` };
  }
}
