import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { ClosedError, ConnectionError, shorten } from '../../errors.js';
import { openOnTheWay } from '../connection/open.js';
import {
  PublishBuffer,
  type Outgoing,
  type PublishBufferOptions,
} from '../publishing/publish-buffer.js';
import type { Publisher } from '../publishing/node-publisher.js';
import type { PublishingHalf } from '../publishing/publisher.js';
import { BETWEEN_NODES } from './node-map.js';
import type { ClusterTopology } from './cluster-topology.js';
import { NodeMap } from './node-map.js';
import { OwnerSearch } from './fast-refresh.js';
import { slotOf } from './slot.js';

/** What may wait for the answers of a slot's former owner, where nothing may wait for a connection. */
const WHILE_MOVING = { maxMessages: Infinity, maxAge: 1_000 };

export interface ShardedPublisherOptions {
  readonly topology: ClusterTopology;
  /** One connection to a node, without a buffer. */
  readonly createPublisher: (address: string, onChange: () => void) => Publisher;
  readonly buffer: PublishBufferOptions | false;
}

/** What is on its way for one slot: everything goes to one node, until all of it is answered. */
interface Lane {
  readonly node: Publisher;
  inFlight: number;
  /** Whether the node has said that the slot is not its own. */
  isLeaving: boolean;
}

/**
 * SPUBLISH in a Cluster: a publisher at each node that owns slots. When a slot has a new owner, what
 * its former one has turned away goes there, before everything that was published later.
 */
export class ShardedPublisher {
  readonly #options: ShardedPublisherOptions;
  readonly #buffer: PublishBuffer;
  readonly #onChange: () => void;
  readonly #nodes = new NodeMap<Publisher>();
  readonly #lanes = new Map<number, Lane>();
  /** Owners to whom their predecessor may still pass on what was published there. */
  readonly #awaited = new Set<string>();
  /** Slots of which nobody knows yet whose they are now. */
  readonly #unclear = new Set<number>();
  readonly #search: OwnerSearch;
  #isOpen = false;
  #wasReady = false;

  constructor(options: ShardedPublisherOptions, onChange: () => void) {
    this.#options = options;
    this.#buffer = new PublishBuffer(options.buffer || WHILE_MOVING);
    this.#onChange = onChange;
    this.#search = new OwnerSearch(options.topology, () => this.#isOpen && !this.isReady);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether every slot's messages can go out now. */
  get isReady(): boolean {
    const owners = [...this.#options.topology.slots.owners];
    return owners.length > 0 && owners.every((owner) => this.#nodes.get(owner)?.isReady);
  }

  /** Whether it was ready since it was opened. */
  get wasReady(): boolean {
    return this.#wasReady;
  }

  get clients(): readonly Redis[] {
    return this.#nodes.clients;
  }

  onClient(listener: (client: Redis) => void): void {
    this.#nodes.onClient(listener);
  }

  async open(patience: number): Promise<void> {
    this.#isOpen = true;
    await this.#options.topology.known(patience);
    if (!this.#isOpen) throw new ClosedError();
    for (const owner of this.#options.topology.slots.owners) this.#nodeAt(owner);
    await this.#nodes.open(patience);
  }

  async close(): Promise<void> {
    this.#isOpen = this.#wasReady = false;
    this.#search.stop();
    await Promise.all(this.#nodes.all.map((node) => node.close()));
    this.#buffer.fail(new ClosedError());
  }

  /** What is published through one node; the channels are that node's. */
  at(address: string): Pick<PublishingHalf, 'isReady' | 'publish' | 'restart'> {
    const node = (): Publisher | undefined => this.#nodes.get(address);
    return {
      get isReady() {
        return node()?.isReady ?? false;
      },
      publish: (channel, payload) => this.publish(channel, payload),
      restart: (reason) => node()?.restart(reason),
    };
  }

  reaches(channel: string): boolean {
    return !this.#mustWait(slotOf(channel));
  }

  publish(channel: string, payload: string | Uint8Array): Promise<number> {
    const slot = slotOf(channel);
    const message: Outgoing = { channel, payload, isSharded: true, slot };
    const since = performance.now();
    if (!this.#mustWait(slot) && !this.#buffer.holds(slot)) {
      return this.#send(message, since);
    }
    const mayWait = this.#options.buffer !== false || !this.#wasReady || this.#isMoving(slot);
    if (this.#isOpen && mayWait) return this.#buffer.add(message, since);
    return Promise.reject(
      new ConnectionError(
        `Cannot publish to "${shorten(channel)}": not connected to the owner of its slot`,
      ),
    );
  }

  /** Slots have other owners. */
  onMoved(): void {
    if (!this.#isOpen) return;
    const { slots, successors } = this.#options.topology;
    for (const owner of slots.owners) this.#nodeAt(owner);
    const former = [...this.#nodes].filter(([address]) => !slots.owners.has(address));
    for (const [address] of former) this.#nodes.delete(address);
    const closed = Promise.all(former.map(([, node]) => node.close()));
    if (successors.size > 0) this.#holdBack(successors, closed);
    this.#onNodeChange();
  }

  /** What a predecessor has taken takes a detour, which is longer than the way to its successor. */
  #holdBack(successors: ReadonlySet<string>, answered: Promise<unknown>): void {
    for (const address of successors) this.#awaited.add(address);
    void answered
      .then(() => delay(BETWEEN_NODES, undefined, { ref: false }))
      .then(() => {
        for (const address of successors) this.#awaited.delete(address);
        this.#flush();
      });
  }

  #nodeAt(address: string): Publisher {
    const known = this.#nodes.get(address);
    if (known) return known;
    const node = this.#options.createPublisher(address, () => this.#onNodeChange());
    this.#nodes.set(address, node);
    openOnTheWay(node);
    return node;
  }

  #onNodeChange(): void {
    this.#wasReady ||= this.isReady;
    this.#search.begin();
    this.#flush();
    this.#onChange();
  }

  #ownerOf(slot: number): Publisher | undefined {
    const owner = this.#options.topology.slots.ownerOf(slot);
    return owner === undefined ? undefined : this.#nodes.get(owner);
  }

  #mustWait(slot: number): boolean {
    return !this.#ownerOf(slot)?.reaches() || this.#isMoving(slot);
  }

  #isMoving(slot: number): boolean {
    const lane = this.#lanes.get(slot);
    const isAnswering = lane !== undefined && (lane.isLeaving || lane.node !== this.#ownerOf(slot));
    return isAnswering || this.#unclear.has(slot) || this.#isAwaited(slot);
  }

  #isAwaited(slot: number): boolean {
    if (this.#awaited.size === 0) return false;
    return this.#awaited.has(this.#options.topology.slots.ownerOf(slot) ?? '');
  }

  #flush(): void {
    if (this.#buffer.isEmpty) return;
    this.#buffer.flush(
      (message, since) => this.#send(message, since),
      ({ slot = 0 }) => this.#mustWait(slot),
    );
  }

  #send(message: Outgoing, since: number): Promise<number> {
    const { channel, payload, slot = 0 } = message;
    const node = this.#ownerOf(slot);
    if (!node) return this.#buffer.add(message, since);
    const lane = this.#lanes.get(slot) ?? { node, inFlight: 0, isLeaving: false };
    this.#lanes.set(slot, lane);
    lane.inFlight++;
    return node.publish(channel, payload, true).then(
      (receivers) => {
        this.#settle(slot, lane);
        return receivers;
      },
      (error: unknown) => {
        const address = movedTo(error);
        if (address === undefined) {
          this.#settle(slot, lane);
          throw error;
        }
        // Redis has not published it.
        const again = this.#buffer.add(message, since);
        lane.isLeaving = true;
        this.#askFor(slot, address);
        this.#settle(slot, lane);
        return again;
      },
    );
  }

  #settle(slot: number, lane: Lane): void {
    if (--lane.inFlight > 0) return;
    if (this.#lanes.get(slot) === lane) this.#lanes.delete(slot);
    // What waits for other slots may be a lot, and has not waited for this.
    if (this.#buffer.holds(slot)) this.#flush();
  }

  #askFor(slot: number, address: string): void {
    if (this.#unclear.has(slot)) return;
    this.#unclear.add(slot);
    void this.#options.topology.refreshFrom(address).then(() => {
      this.#unclear.delete(slot);
      this.#flush();
    });
  }
}

/** The address in `MOVED <slot> <host>:<port>`. */
function movedTo(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  // Redis' own words are behind ours.
  return movedTo(error.cause) ?? /^MOVED \d+ (\S+)$/.exec(error.message)?.[1];
}
