import { Logger } from '@nestjs/common';
import {
  Adapter,
  ClusterAdapterWithHeartbeat,
  MessageType,
  type BroadcastOptions,
  type ClusterMessage,
  type ClusterResponse,
} from 'socket.io-adapter';
import type { Delivery, PubSubGap } from '../broker/broker.js';
import { ConnectionError, InvalidOptionError, shorten, textOf } from '../errors.js';
import { RateLimitedLog } from '../shared/rate-limited-log.js';
import type { MessageBus } from '../transport/message-bus.js';
import { ChannelSubscription } from './channel-subscription.js';
import { NamespaceChannels, type NamespaceChannel } from './channels.js';
import { decodeFrame, type FramedMessage, type ReceivedMessage } from './frame.js';
import { GapNotice } from './gap-notice.js';
import { MessageSender } from './message-sender.js';
import type { ResolvedAdapterOptions } from './options.js';
import { RoomSubscriptions } from './room-subscriptions.js';
import { ServerCount } from './server-count.js';
import type { SocketNamespace } from './socket-namespace.js';
import { readLost, UnsentBroadcasts } from './unsent-broadcasts.js';

const DONE = Promise.resolve();
/** The type of a message about broadcasts that did not arrive. Socket.IO has the types from 1 to 13. */
const LOST = 100;
/** The methods that concern the sockets of this server only. */
const ofThisServer = Adapter.prototype;

/** The rooms and the broadcasts of one namespace of one Socket.IO server, over the connections of a bus. */
export class RedisPubSubAdapter extends ClusterAdapterWithHeartbeat {
  readonly #namespace: SocketNamespace;
  readonly #bus: MessageBus;
  readonly #channels: NamespaceChannels;
  readonly #hasChannel: (room: string) => boolean;
  readonly #sender: MessageSender;
  readonly #broadcasts: ChannelSubscription;
  readonly #responses: ChannelSubscription;
  readonly #rooms: RoomSubscriptions;
  readonly #gaps: GapNotice;
  readonly #unsent: UnsentBroadcasts;
  readonly #servers = new ServerCount();
  /** Resolves when this server knows the others. */
  #whenCounted = DONE;
  readonly #onClose: (adapter: RedisPubSubAdapter) => void;
  #isClosed = false;
  #isOpen = false;
  readonly #logger = new Logger('RedisPubSubIoAdapter');
  readonly #failures = new RateLimitedLog(
    (line) => this.#logger.error(line),
    (count) => `${count} more messages of other servers of Socket.IO failed`,
  );

  /** `onClose` is called once. Throws `InvalidOptionError` for an option of Socket.IO that Pub/Sub cannot obey. */
  constructor(
    namespace: SocketNamespace,
    bus: MessageBus,
    options: ResolvedAdapterOptions,
    onClose: (adapter: RedisPubSubAdapter) => void,
  ) {
    super(withoutRecovery(namespace), {});
    const { onGap, roomChannels = () => false, sharded = bus.options.sharded } = options;
    this.#namespace = namespace;
    this.#bus = bus;
    this.#onClose = onClose;
    this.#channels = new NamespaceChannels(bus, namespace.name, sharded);
    this.#hasChannel = roomChannels;
    const { uid } = this;
    // Timers of the cluster adapter would keep the process alive.
    this.#sender = new MessageSender(bus, { uid, namespace: namespace.name }, () => this.close());
    this.#gaps = new GapNotice(namespace, onGap);
    this.#unsent = new UnsentBroadcasts(bus.broker, (data) =>
      this.#sender.send(this.#channels.all, { type: LOST, data }),
    );
    this.#broadcasts = this.#subscription(this.#channels.all, (gap) => {
      // Asks the other servers to answer.
      if (!this.#isClosed) super.init();
      if (gap) this.#onGap(gap);
    });
    this.#responses = this.#subscription(this.#channels.server(this.uid));
    this.#rooms = new RoomSubscriptions((room) =>
      this.#subscription(this.#channels.room(room), (gap) => gap && this.#onGap(gap, room)),
    );
    this.on('create-room', (room: string) => this.#hasChannel(room) && this.#rooms.open(room));
    this.on('delete-room', (room: string) => this.#rooms.close(room));
  }

  /** Subscribes. A socket connects when the broadcasts of the namespace arrive, unless Redis cannot be reached. Idempotent. */
  override init(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#responses.open();
    this.#broadcasts.open();
    this.#namespace.use((_, next) => {
      const usable = this.#isClosed ? undefined : this.#broadcasts.whenUsable();
      if (usable) void usable.then(next);
      else next();
    });
  }

  /** Idempotent. */
  override close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    super.close();
    this.#servers.stop();
    this.#unsent.close();
    for (const it of [this.#broadcasts, this.#responses]) it.close();
    this.#rooms.closeAll();
    this.#onClose(this);
  }

  /** Resolves when the broadcasts of the rooms arrive, if they have channels of their own. */
  override addAll(id: string, rooms: Set<string>): Promise<void> | void {
    const added = super.addAll(id, rooms);
    return this.#rooms.whenUsable(rooms) ?? added;
  }

  // The methods of the cluster adapter wait for Redis before they serve the sockets of this server.

  override broadcast(packet: unknown, options: BroadcastOptions): Promise<void> {
    const { rooms, flags } = options;
    if (!flags?.local) {
      const at = Date.now();
      const message = { type: MessageType.BROADCAST, data: { packet, opts: encoded(options) } };
      const onUnsent = (): void => this.#unsent.add(rooms, at);
      void this.#sender.send(this.#channelOf(rooms), message, onUnsent);
    }
    ofThisServer.broadcast.call(this, packet, options);
    return DONE;
  }

  override addSockets(options: BroadcastOptions, rooms: string[]): Promise<void> {
    const data = { opts: encoded(options), rooms };
    this.#tell(options, { type: MessageType.SOCKETS_JOIN, data });
    ofThisServer.addSockets.call(this, options, rooms);
    return DONE;
  }

  override delSockets(options: BroadcastOptions, rooms: string[]): Promise<void> {
    const data = { opts: encoded(options), rooms };
    this.#tell(options, { type: MessageType.SOCKETS_LEAVE, data });
    ofThisServer.delSockets.call(this, options, rooms);
    return DONE;
  }

  override disconnectSockets(options: BroadcastOptions, close: boolean): Promise<void> {
    const data = { opts: encoded(options), close };
    this.#tell(options, { type: MessageType.DISCONNECT_SOCKETS, data });
    ofThisServer.disconnectSockets.call(this, options, close);
    return DONE;
  }

  /** The number of servers of the namespace. `Infinity` while Redis cannot be reached, and their number is not known. */
  override async serverCount(): Promise<number> {
    if (!this.#isReachable) return Infinity;
    await this.#whenCounted;
    return super.serverCount();
  }

  /** Rejects with a `ConnectionError` while Redis cannot be reached: the sockets of this server are not all of them. */
  override async fetchSockets(options: BroadcastOptions): Promise<unknown[]> {
    if (!options.flags?.local && !this.#isReachable) throw unreachable();
    return super.fetchSockets(options);
  }

  /** An acknowledgement gets a `ConnectionError` while Redis cannot be reached. */
  override async serverSideEmit(packet: unknown[]): Promise<unknown> {
    const acknowledge = packet.at(-1);
    if (typeof acknowledge === 'function') {
      if (!this.#isReachable) return acknowledge(unreachable(), []) as unknown;
      await this.#whenCounted;
    }
    return super.serverSideEmit(packet);
  }

  protected override async doPublish({ type, ...message }: ClusterMessage): Promise<string> {
    const data = 'data' in message ? message.data : undefined;
    const sent = this.#sender.send(this.#channels.all, { type, data });
    if (type === MessageType.INITIAL_HEARTBEAT) this.#whenCounted = this.#countServers(sent);
    await sent;
    return '';
  }

  protected override async doPublishResponse(
    uid: string,
    { type, data }: ClusterResponse,
  ): Promise<void> {
    await this.#sender.send(this.#channels.server(uid), { type, data });
  }

  get #isReachable(): boolean {
    const { name, kind } = this.#channels.all;
    const isSubscribed = this.#broadcasts.isSubscribed && this.#responses.isSubscribed;
    return isSubscribed && this.#bus.broker.canPublish(name, kind);
  }

  /** Sends a message to the other servers, unless it concerns this one only. */
  #tell({ flags }: BroadcastOptions, message: FramedMessage): void {
    if (!flags?.local) void this.#sender.send(this.#channels.all, message);
  }

  #channelOf(rooms: Set<string>): NamespaceChannel {
    const [room] = rooms;
    const hasChannel = rooms.size === 1 && room !== undefined && this.#hasChannel(room);
    return hasChannel ? this.#channels.room(room) : this.#channels.all;
  }

  #subscription(
    channel: NamespaceChannel,
    onSubscribed?: (gap?: PubSubGap) => void,
  ): ChannelSubscription {
    const onDelivery = (delivery: Delivery): void => this.#onDelivery(delivery);
    return new ChannelSubscription(this.#bus.broker, channel, { onDelivery, onSubscribed });
  }

  /** Each other server answers a first heartbeat, and its receivers are their number, where Redis counts them all. */
  async #countServers(sent: Promise<number | undefined>): Promise<void> {
    const receivers = await sent;
    const isKnown =
      receivers !== undefined && this.#bus.broker.countsReceivers(this.#channels.all.kind);
    const known = await super.serverCount();
    if (!this.#isClosed) await this.#servers.reaches(isKnown ? receivers : Infinity, known);
  }

  #onGap(gap: PubSubGap, room?: string): void {
    this.#bus.record.gaps++;
    this.#gaps.add(gap, room);
  }

  #onDelivery(delivery: Delivery): void {
    const { reader } = this.#bus;
    if (reader.isTooLarge(delivery)) return;
    let message: ReceivedMessage | undefined;
    try {
      message = decodeFrame(delivery.payload, this.uid);
    } catch (error) {
      reader.dropUnreadable(delivery, error);
    }
    if (!message) return;
    reader.reportReceived(delivery);
    this.#handle(message);
  }

  #handle({ uid, type, data }: ReceivedMessage): void {
    const { name: nsp } = this.#namespace;
    try {
      if (type === LOST) for (const { gap, room } of readLost(data)) this.#gaps.add(gap, room);
      else this.onMessage({ uid, nsp, type, data } as ClusterMessage);
    } catch (error) {
      // A listener of the application threw, or another client of Redis has sent it.
      this.#failures.add(
        () =>
          `A message of another server of the Socket.IO namespace "${shorten(nsp)}" failed: ${textOf(error)}`,
      );
    }
    if (!this.#servers.isWaiting) return;
    void super.serverCount().then((count) => this.#servers.onCount(count));
  }
}

/** Options as JSON carries them. */
function encoded({ rooms, except, flags }: BroadcastOptions): object {
  return { rooms: [...rooms], except: [...(except ?? [])], flags };
}

function unreachable(): ConnectionError {
  return new ConnectionError(
    'The other servers of Socket.IO cannot be asked: Redis is not reached',
  );
}

/** Returns the namespace. Throws if sockets are to get what they missed: Pub/Sub keeps no messages. */
function withoutRecovery(namespace: SocketNamespace): SocketNamespace {
  const { connectionStateRecovery: recovery } = namespace.server.opts;
  if (recovery === undefined) return namespace;
  throw new InvalidOptionError(
    'connectionStateRecovery',
    'absent: Redis Pub/Sub keeps no broadcasts for sockets that are away',
    recovery,
  );
}
