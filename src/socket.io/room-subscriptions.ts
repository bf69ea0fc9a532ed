import type { ChannelSubscription } from './channel-subscription.js';

/** The subscriptions of the rooms that have a channel of their own, and a socket at this server. */
export class RoomSubscriptions {
  readonly #create: (room: string) => ChannelSubscription;
  readonly #rooms = new Map<string, ChannelSubscription>();

  constructor(create: (room: string) => ChannelSubscription) {
    this.#create = create;
  }

  /** The first socket joins. */
  open(room: string): void {
    const subscription = this.#create(room);
    this.#rooms.set(room, subscription);
    subscription.open();
  }

  /** The last socket has left. */
  close(room: string): void {
    this.#rooms.get(room)?.close();
    this.#rooms.delete(room);
  }

  closeAll(): void {
    for (const room of this.#rooms.keys()) this.close(room);
  }

  /** Resolves when the broadcasts of these rooms arrive; `undefined` if they do already. */
  whenUsable(rooms: Iterable<string>): Promise<void> | undefined {
    if (this.#rooms.size === 0) return undefined;
    const pending = [...rooms].flatMap((room) => this.#rooms.get(room)?.whenUsable() ?? []);
    return pending.length === 0 ? undefined : Promise.all(pending).then(() => undefined);
  }
}
