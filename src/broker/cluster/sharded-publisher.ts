import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { ClosedError, ConnectionError, shorten } from '../../errors.js';
import { Lifecycle } from '../../shared/lifecycle.js';
import type { OutgoingPayload } from '../../shared/payload.js';
import type { PublishBufferOptions, PublishLimitOptions } from '../broker-options.js';
import type { ListEnd, ListRead } from '../broker.js';
import { openInBackground } from '../connection/open.js';
import type { NodePublisher } from '../publishing/node-publisher.js';
import { noAnswer, noAnswers } from '../publishing/list-reader.js';
import { PublishBuffer, type Outgoing } from '../publishing/publish-buffer.js';
import type { ProbePublisher } from '../publishing/publisher.js';
import type { ClusterTopology } from './cluster-topology.js';
import { FastRefresh } from './fast-refresh.js';
import { CLUSTER_BUS_DELAY_MS, NodeMap } from './node-map.js';
import { slotOf } from './slot.js';
import { isError } from '../../shared/is-error.js';

/** How long messages may wait for the handover of a slot when there is no publish buffer. */
const HANDOVER_MAX_AGE_MS = 1_000;

/** How a {@link ShardedPublisher} works. */
export interface ShardedPublisherOptions {
  readonly topology: ClusterTopology;
  /** A publisher for one node, without a buffer. */
  readonly createPublisher: (address: string, onChange: () => void) => NodePublisher;
  readonly publishBuffer: PublishBufferOptions | false;
  /** Limits what waits for a handover when there is no buffer. */
  readonly publishLimit?: PublishLimitOptions | undefined;
}

/** The messages in flight of one slot: all go to one node until all are answered. */
interface SlotInFlight {
  readonly node: NodePublisher;
  count: number;
  /** Whether the node has redirected one of them. */
  isRedirected: boolean;
}

/**
 * SPUBLISH in a Cluster: a publisher at each node that owns slots. When a slot has a new owner, the messages
 * that the last owner redirected go there before all messages that were published later.
 */
export class ShardedPublisher {
  readonly #options: ShardedPublisherOptions;
  readonly #buffer: PublishBuffer;
  readonly #onChange: () => void;
  readonly #nodes = new NodeMap<NodePublisher>();
  readonly #inFlight = new Map<number, SlotInFlight>();
  /** New owners to which the last owner may still forward messages. */
  readonly #handovers = new Set<string>();
  /** Slots whose new owner is not known yet. */
  readonly #redirectedSlots = new Set<number>();
  readonly #fastRefresh: FastRefresh;
  readonly #lifecycle = new Lifecycle();
  #wasReady = false;

  constructor(options: ShardedPublisherOptions, onChange: () => void) {
    this.#options = options;
    const { publishBuffer, publishLimit = { maxMessages: Infinity } } = options;
    this.#buffer = new PublishBuffer(
      publishBuffer || { ...publishLimit, maxAge: HANDOVER_MAX_AGE_MS },
    );
    this.#onChange = onChange;
    this.#fastRefresh = new FastRefresh(options.topology, () => this.isOpen && !this.isReady);
  }

  get isOpen(): boolean {
    return this.#lifecycle.isOpen;
  }

  /** Whether the messages of every slot can be sent now. */
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

  async open(timeoutMs: number): Promise<void> {
    const generation = this.#lifecycle.open();
    await this.#options.topology.discover(timeoutMs);
    if (!this.#lifecycle.isCurrent(generation)) throw new ClosedError();
    for (const owner of this.#options.topology.slots.owners) this.nodeAt(owner);
    await this.#nodes.open(timeoutMs);
  }

  async close(): Promise<void> {
    this.#lifecycle.markClosed();
    this.#wasReady = false;
    this.#fastRefresh.stop();
    this.#buffer.fail(new ClosedError());
    await Promise.all(this.#nodes.all.map((node) => node.close()));
    // A message that was redirected in that time waits in the buffer; those of a later open must not fail.
    if (this.#lifecycle.isClosed) this.#buffer.fail(new ClosedError());
  }

  /** The publisher of the probes of one node: it publishes to channels whose slots that node owns. */
  publisherAt(address: string): ProbePublisher {
    const node = (): NodePublisher | undefined => this.#nodes.get(address);
    return {
      get isReady() {
        return node()?.isReady ?? false;
      },
      publish: (channel, payload) => this.publish(channel, payload),
      restart: (reason) => node()?.restart(reason),
    };
  }

  canPublish(channel: string): boolean {
    const slot = slotOf(channel);
    return !this.#mustWait(slot) && !this.#buffer.hasSlot(slot);
  }

  publish(channel: string, payload: OutgoingPayload): Promise<number> {
    return this.publishAtOwner({ channel, payload, kind: 'shard' });
  }

  /** Publishes a message of any kind at the owner of its slot, which may keep it in a list. */
  publishAtOwner(unplaced: Outgoing): Promise<number> {
    const { channel } = unplaced;
    const slot = slotOf(channel);
    const message: Outgoing = { ...unplaced, slot };
    const since = this.#buffer.nextTime();
    if (!this.#mustWait(slot) && !this.#buffer.hasSlot(slot)) return this.#send(message, since);
    const mayWait =
      this.#options.publishBuffer !== false || !this.#wasReady || this.#isMoving(slot);
    if (this.isOpen && mayWait) return this.#buffer.add(message, since);
    return Promise.reject(
      new ConnectionError(
        `Cannot publish to "${shorten(channel)}": not connected to the owner of its slot`,
      ),
    );
  }

  /** See `Broker#readLists`. Each list is read at the owner of its slot. Never rejects. */
  async readLists(reads: readonly ListRead[]): Promise<readonly ListEnd[]> {
    const groups = new Map<NodePublisher | undefined, ListRead[]>();
    for (const read of reads) {
      const node = this.ownerOf(slotOf(read.key));
      const group = groups.get(node);
      if (group) group.push(read);
      else groups.set(node, [read]);
    }
    const ends = new Map<ListRead, ListEnd>();
    const readGroup = async (node: NodePublisher | undefined, group: ListRead[]): Promise<void> => {
      const answers = node
        ? await node.readLists(group)
        : noAnswers(group, new ConnectionError('Cannot read: a slot has no owner'));
      for (const [i, answer] of answers.entries()) {
        const read = group[i] as ListRead;
        ends.set(read, this.#withoutRedirect(read, answer));
      }
    };
    await Promise.all([...groups].map(([node, group]) => readGroup(node, group)));
    return reads.map((read) => ends.get(read) as ListEnd);
  }

  /** A list whose slot has moved has no answer yet: the caller repeats the read, at the new owner. */
  #withoutRedirect({ key }: ListRead, end: ListEnd): ListEnd {
    const address = redirectedTo(end.error);
    if (address === undefined) return end;
    this.#refreshFor(slotOf(key), address);
    return noAnswer(new ConnectionError('Cannot read: a slot has moved', { cause: end.error }));
  }

  /** Slots have other owners. */
  onMoved(): void {
    if (!this.isOpen) return;
    const { slots, successors } = this.#options.topology;
    for (const owner of slots.owners) this.nodeAt(owner);
    const former = [...this.#nodes].filter(([address]) => !slots.owners.has(address));
    for (const [address] of former) this.#nodes.delete(address);
    const closed = Promise.all(former.map(([, node]) => node.close()));
    if (successors.size > 0) this.#startHandover(successors, closed);
    this.#onNodeChange();
  }

  /** A message that the last owner accepted takes longer to arrive than one that is sent to the new owner. */
  #startHandover(successors: ReadonlySet<string>, answered: Promise<unknown>): void {
    for (const address of successors) this.#handovers.add(address);
    void answered
      .then(() => delay(CLUSTER_BUS_DELAY_MS, undefined, { ref: false }))
      .then(() => {
        for (const address of successors) this.#handovers.delete(address);
        this.#flush();
      });
  }

  /** The publisher at a node, which is created if necessary. */
  nodeAt(address: string): NodePublisher {
    const known = this.#nodes.get(address);
    if (known) return known;
    const node = this.#options.createPublisher(address, () => this.#onNodeChange());
    this.#nodes.set(address, node);
    openInBackground(node);
    return node;
  }

  #onNodeChange(): void {
    this.#wasReady ||= this.isReady;
    this.#fastRefresh.start();
    this.#flush();
    this.#onChange();
  }

  /** The publisher at the owner of a slot; `undefined` while it has no owner. */
  ownerOf(slot: number): NodePublisher | undefined {
    const owner = this.#options.topology.slots.ownerOf(slot);
    return owner === undefined ? undefined : this.#nodes.get(owner);
  }

  #mustWait(slot: number): boolean {
    return !this.ownerOf(slot)?.canPublish() || this.#isMoving(slot);
  }

  #isMoving(slot: number): boolean {
    const inFlight = this.#inFlight.get(slot);
    const isAnswering =
      inFlight !== undefined && (inFlight.isRedirected || inFlight.node !== this.ownerOf(slot));
    return isAnswering || this.#redirectedSlots.has(slot) || this.#isHandover(slot);
  }

  #isHandover(slot: number): boolean {
    if (this.#handovers.size === 0) return false;
    return this.#handovers.has(this.#options.topology.slots.ownerOf(slot) ?? '');
  }

  #flush(): void {
    if (this.#buffer.isEmpty) return;
    this.#buffer.flush(
      (message, since) => this.#send(message, since),
      ({ slot = 0 }) => this.#mustWait(slot),
    );
  }

  #send(message: Outgoing, since: number): Promise<number> {
    const { slot = 0 } = message;
    const node = this.ownerOf(slot);
    if (!node) return this.#buffer.add(message, since);
    const inFlight = this.#inFlight.get(slot) ?? { node, count: 0, isRedirected: false };
    this.#inFlight.set(slot, inFlight);
    inFlight.count++;
    return publishAt(node, message).then(
      (receivers) => {
        this.#onAnswer(slot, inFlight);
        return receivers;
      },
      (error: unknown) => {
        const address = redirectedTo(error);
        if (address === undefined) {
          this.#onAnswer(slot, inFlight);
          throw error;
        }
        // Redis has not published it.
        const retried = this.#buffer.add(message, since);
        inFlight.isRedirected = true;
        this.#refreshFor(slot, address);
        this.#onAnswer(slot, inFlight);
        return retried;
      },
    );
  }

  #onAnswer(slot: number, inFlight: SlotInFlight): void {
    if (--inFlight.count > 0) return;
    if (this.#inFlight.get(slot) === inFlight) this.#inFlight.delete(slot);
    // The messages of other slots may be many, and did not wait for this answer.
    if (this.#buffer.hasSlot(slot)) this.#flush();
  }

  #refreshFor(slot: number, address: string): void {
    if (this.#redirectedSlots.has(slot)) return;
    this.#redirectedSlots.add(slot);
    void this.#options.topology.refreshFrom(address).then(() => {
      this.#redirectedSlots.delete(slot);
      this.#flush();
    });
  }
}

function publishAt(node: NodePublisher, message: Outgoing): Promise<number> {
  const { channel, payload, kind, list } = message;
  return list ? node.append(channel, payload, kind, list) : node.publish(channel, payload, kind);
}

/** The address in `MOVED <slot> <host>:<port>`, or in an ASK for a key of a slot that moves. */
function redirectedTo(error: unknown): string | undefined {
  if (!isError(error)) return undefined;
  // The reply of Redis is the cause of our error.
  return redirectedTo(error.cause) ?? /^(?:MOVED|ASK) \d+ (\S+)$/.exec(error.message)?.[1];
}
