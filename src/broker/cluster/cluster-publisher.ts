import type { Redis } from 'ioredis';
import type { ChannelKind } from '../../channel/subscription-key.js';
import { ClosedError } from '../../errors.js';
import { Lifecycle } from '../../shared/lifecycle.js';
import type { OutgoingPayload } from '../../shared/payload.js';
import type { Claim, ListEnd, ListRead, MasterAnswer, MessageList } from '../broker.js';
import { inTime } from '../connection/one-off-query.js';
import { openInBackground } from '../connection/open.js';
import type { NodePublisher } from '../publishing/node-publisher.js';
import type { Outgoing } from '../publishing/publish-buffer.js';
import type { Publisher } from '../publishing/publisher.js';
import { ClusterClaims } from './cluster-claims.js';
import type { ClusterTopology } from './cluster-topology.js';
import type { ShardedPublisher } from './sharded-publisher.js';

/** What a {@link ClusterPublisher} is made of. */
export interface ClusterPublisherOptions {
  /** PUBLISH. */
  readonly classic: NodePublisher;
  /** SPUBLISH. */
  readonly sharded: ShardedPublisher;
  /** Whether `sharded` is opened at the start, or with the first message to a shard channel. */
  readonly startsSharded: boolean;
  readonly topology: ClusterTopology;
  /** A publisher for queries to one node. */
  readonly createPublisher: (address: string) => NodePublisher;
}

/**
 * Publishes in a Cluster, where every node delivers what is published with PUBLISH at any node. All of that
 * goes through one node while it is up: on several paths messages would overtake each other. Messages
 * to shard channels go to the owners of their slots.
 */
export class ClusterPublisher implements Publisher {
  readonly #options: ClusterPublisherOptions;
  readonly #classic: NodePublisher;
  readonly #sharded: ShardedPublisher;
  readonly #claims: ClusterClaims;
  readonly #lifecycle = new Lifecycle();

  constructor(options: ClusterPublisherOptions) {
    this.#options = options;
    this.#classic = options.classic;
    this.#sharded = options.sharded;
    this.#claims = new ClusterClaims(options.sharded, options.topology);
  }

  /** PUBLISH counts the clients of one node; SPUBLISH those of the owner, where all of them are. */
  countsReceivers(kind: ChannelKind): boolean {
    return kind === 'shard';
  }

  get isReady(): boolean {
    const isShardedMissing = this.#options.startsSharded && !this.#sharded.isReady;
    return this.#classic.isReady && !isShardedMissing;
  }

  get hasEnded(): boolean {
    return this.#classic.hasEnded;
  }

  get clients(): readonly Redis[] {
    return [...this.#classic.clients, ...this.#sharded.clients];
  }

  onClient(listener: (client: Redis) => void): void {
    this.#classic.onClient(listener);
    this.#sharded.onClient(listener);
  }

  async open(timeoutMs: number): Promise<void> {
    this.#lifecycle.open();
    const opened = [this.#classic.open(timeoutMs)];
    if (this.#options.startsSharded || this.#sharded.isOpen) {
      opened.push(this.#sharded.open(timeoutMs));
    }
    await Promise.all(opened);
  }

  async close(): Promise<void> {
    this.#lifecycle.markClosed();
    await Promise.all([
      this.#options.topology.stop(),
      this.#classic.close(),
      this.#sharded.close(),
    ]);
  }

  canPublish(channel: string, kind: ChannelKind): boolean {
    // The message that opens the connections for shard channels waits until they are ready.
    const isUsed = this.#options.startsSharded || this.#sharded.wasReady;
    return kind === 'shard' && isUsed
      ? this.#sharded.canPublish(channel)
      : this.#classic.canPublish();
  }

  sendsNow(channel: string, kind: ChannelKind, isAppended: boolean): boolean {
    if (kind === 'channel' && !isAppended) return this.#classic.canPublish();
    return this.#sharded.isOpen && this.#sharded.canPublish(channel);
  }

  publish(channel: string, payload: OutgoingPayload, kind: ChannelKind): Promise<number> {
    if (kind === 'channel') return this.#classic.publish(channel, payload, kind);
    return this.#publishAtOwner({ channel, payload, kind });
  }

  append(
    channel: string,
    payload: OutgoingPayload,
    kind: ChannelKind,
    list: MessageList,
  ): Promise<number> {
    return this.#publishAtOwner({ channel, payload, kind, list });
  }

  readLists(reads: readonly ListRead[]): Promise<readonly ListEnd[]> {
    if (!this.#sharded.isOpen && this.#lifecycle.isOpen) openInBackground(this.#sharded);
    return this.#sharded.readLists(reads);
  }

  #publishAtOwner(message: Outgoing): Promise<number> {
    if (!this.#lifecycle.isOpen) return Promise.reject(new ClosedError());
    if (!this.#sharded.isOpen) openInBackground(this.#sharded);
    return this.#sharded.publishAtOwner(message);
  }

  claim(claim: Claim): Promise<readonly boolean[]> {
    if (!this.#lifecycle.isOpen) return Promise.reject(new ClosedError());
    return this.#claims.claim(claim);
  }

  async channels(glob: string, kind: ChannelKind): Promise<string[]> {
    const found = await this.#queryNodes((node) => node.channels(glob, kind));
    return [...new Set(found.flat())];
  }

  async subscriberCounts(
    channels: readonly string[],
    kind: ChannelKind,
  ): Promise<Map<string, number>> {
    const counts = await this.#queryNodes((node) => node.subscriberCounts(channels, kind));
    const sum = (channel: string): number =>
      counts.reduce((total, ofNode) => total + (ofNode.get(channel) ?? 0), 0);
    return new Map(channels.map((channel) => [channel, sum(channel)]));
  }

  async patternCount(): Promise<number> {
    const counts = await this.#queryNodes((node) => node.patternCount());
    return counts.reduce((total, ofNode) => total + ofNode, 0);
  }

  async callMasters(command: string, ...args: readonly string[]): Promise<readonly MasterAnswer[]> {
    const { owners } = this.#options.topology.slots;
    const answers = await this.#queryNodes(
      (node) => node.callMasters(command, ...args),
      [...owners],
    );
    return answers.flat();
  }

  /** A subscriber may be at any node, and each node counts its own. */
  async #queryNodes<Answer>(
    query: (node: NodePublisher) => Promise<Answer>,
    addresses: readonly string[] = this.#options.topology.addresses,
  ): Promise<Answer[]> {
    // Rejects with the error for a connection that is not ready.
    if (!this.#classic.isReady) return [await query(this.#classic)];
    const answers = await Promise.all(addresses.map((it) => this.#queryNode(it, query)));
    return answers.filter((answer) => answer !== undefined);
  }

  async #queryNode<Answer>(
    address: string,
    query: (node: NodePublisher) => Promise<Answer>,
  ): Promise<Answer | undefined> {
    const node = this.#options.createPublisher(address);
    const [client] = node.clients;
    try {
      // A node that is down has no subscribers.
      const isUp = await inTime(client, node.open(0)).then(
        () => true,
        () => false,
      );
      return isUp ? await inTime(client, query(node)) : undefined;
    } finally {
      await node.close();
    }
  }
}
