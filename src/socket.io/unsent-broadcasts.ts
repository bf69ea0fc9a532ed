import type { Broker, PubSubGap } from '../broker/broker.js';

/** With more rooms than these, all sockets are told. */
const MAX_ROOMS = 1_000;

/** What other servers are told of broadcasts that they may not have received. */
export interface LostBroadcasts {
  /** When the first of them was sent, in milliseconds since the epoch. */
  readonly from: number;
  /** The rooms that they were for; absent for all sockets. */
  readonly rooms?: readonly string[];
}

/**
 * Remembers the broadcasts that could not be published. The subscriptions of the other servers had no gap: they learn of
 * the loss from this one, when it is connected again.
 */
export class UnsentBroadcasts {
  readonly #broker: Broker;
  readonly #tell: (lost: LostBroadcasts) => Promise<unknown>;
  readonly #stop: () => void;
  #from: number | undefined;
  /** `undefined` for all sockets. */
  #rooms: Set<string> | undefined;

  /** `tell` resolves to `undefined` after a failure, and must not reject. */
  constructor(broker: Broker, tell: (lost: LostBroadcasts) => Promise<unknown>) {
    this.#broker = broker;
    this.#tell = tell;
    this.#stop = broker.onStatus((status) => {
      if (status === 'connected') void this.#flush();
    });
  }

  /** A broadcast to these rooms, sent at this time, has failed. */
  add(rooms: ReadonlySet<string>, at: number): void {
    if (this.#from === undefined) {
      // Redis may have refused it, and then the status does not change.
      if (this.#broker.status === 'connected') queueMicrotask(() => void this.#flush());
      this.#from = at;
      this.#rooms = new Set();
    }
    if (rooms.size === 0) this.#rooms = undefined;
    for (const room of rooms) this.#rooms?.add(room);
    if (this.#rooms && this.#rooms.size > MAX_ROOMS) this.#rooms = undefined;
  }

  close(): void {
    this.#stop();
    this.#from = undefined;
  }

  async #flush(): Promise<void> {
    const [from, rooms] = [this.#from, this.#rooms];
    if (from === undefined) return;
    this.#from = undefined;
    await this.#tell({ from, ...(rooms && { rooms: [...rooms] }) });
  }
}

/** The gaps that a server finds in what another one tells: one for each room. Throws for anything else. */
export function readLost(data: unknown): readonly { gap: PubSubGap; room?: string }[] {
  const { from, rooms } = (data ?? {}) as Partial<LostBroadcasts>;
  const isValid = rooms === undefined || (Array.isArray(rooms) && rooms.length <= MAX_ROOMS);
  if (typeof from !== 'number' || !Number.isFinite(new Date(from).getTime()) || !isValid) {
    throw new TypeError('Expected the time and the rooms of lost broadcasts');
  }
  const gap = { from: new Date(from), to: new Date() };
  return rooms ? rooms.map((room) => ({ gap, room: String(room) })) : [{ gap }];
}
