import type { Redis } from 'ioredis';
import { ClosedError } from '../../errors.js';
import { openOnTheWay } from '../connection/open.js';
import type { Publisher } from '../publishing/node-publisher.js';
import type { PublishingHalf } from '../publishing/publisher.js';
import type { ClusterTopology } from './cluster-topology.js';
import type { ShardedPublisher } from './sharded-publisher.js';

export interface ClusterPublisherParts {
  /** PUBLISH. */
  readonly classic: Publisher;
  /** SPUBLISH. */
  readonly sharded: ShardedPublisher;
  /** Whether shard channels are published to from the start, or when somebody first does. */
  readonly isShardedFirst: boolean;
  readonly topology: ClusterTopology;
  /** To ask a node. */
  readonly createPublisher: (address: string) => Publisher;
}

/**
 * The sending half over a Cluster, where every node delivers what is published on any with PUBLISH. All
 * of that goes through one node, as long as that is there: on several paths messages would overtake
 * each other. What is published to shard channels goes to the owners of their slots.
 */
export class ClusterPublisher implements PublishingHalf {
  readonly #parts: ClusterPublisherParts;
  readonly #publisher: Publisher;
  readonly #sharded: ShardedPublisher;
  readonly #topology: ClusterTopology;
  #isOpen = false;

  constructor(parts: ClusterPublisherParts) {
    this.#parts = parts;
    this.#publisher = parts.classic;
    this.#sharded = parts.sharded;
    this.#topology = parts.topology;
  }

  /** PUBLISH counts the clients of one node; SPUBLISH those of the one where they all are. */
  countsReceivers(isSharded: boolean): boolean {
    return isSharded;
  }

  get isReady(): boolean {
    const isMissing = this.#parts.isShardedFirst && !this.#sharded.isReady;
    return this.#publisher.isReady && !isMissing;
  }

  get hasEnded(): boolean {
    return this.#publisher.hasEnded;
  }

  get clients(): readonly Redis[] {
    return [...this.#publisher.clients, ...this.#sharded.clients];
  }

  onClient(listener: (client: Redis) => void): void {
    this.#publisher.onClient(listener);
    this.#sharded.onClient(listener);
  }

  async open(patience: number): Promise<void> {
    this.#isOpen = true;
    const opened = [this.#publisher.open(patience)];
    if (this.#parts.isShardedFirst || this.#sharded.isOpen) {
      opened.push(this.#sharded.open(patience));
    }
    await Promise.all(opened);
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    await Promise.all([this.#topology.stop(), this.#publisher.close(), this.#sharded.close()]);
  }

  restart(reason: string): void {
    this.#publisher.restart(reason);
  }

  reaches(channel: string, isSharded: boolean): boolean {
    // What opens it waits until it is there.
    const isThere = this.#parts.isShardedFirst || this.#sharded.wasReady;
    return isSharded && isThere ? this.#sharded.reaches(channel) : this.#publisher.reaches();
  }

  publish(channel: string, payload: string | Uint8Array, isSharded: boolean): Promise<number> {
    if (!isSharded) return this.#publisher.publish(channel, payload, false);
    if (!this.#isOpen) return Promise.reject(new ClosedError());
    if (!this.#sharded.isOpen) openOnTheWay(this.#sharded);
    return this.#sharded.publish(channel, payload);
  }

  async channels(glob: string, isSharded: boolean): Promise<string[]> {
    const found = await this.#ask((node) => node.channels(glob, isSharded));
    return [...new Set(found.flat())];
  }

  async subscriberCounts(
    channels: readonly string[],
    isSharded: boolean,
  ): Promise<Map<string, number>> {
    const counts = await this.#ask((node) => node.subscriberCounts(channels, isSharded));
    const sum = (channel: string): number =>
      counts.reduce((total, ofNode) => total + (ofNode.get(channel) ?? 0), 0);
    return new Map(channels.map((channel) => [channel, sum(channel)]));
  }

  async patternCount(): Promise<number> {
    const counts = await this.#ask((node) => node.patternCount());
    return counts.reduce((total, ofNode) => total + ofNode, 0);
  }

  /** A subscriber may be at any node, and each knows of its own only. */
  async #ask<Answer>(question: (node: Publisher) => Promise<Answer>): Promise<Answer[]> {
    // Says in words that Redis is away, if it is.
    if (!this.#publisher.isReady) return [await question(this.#publisher)];
    const { addresses } = this.#topology;
    const answers = await Promise.all(addresses.map((it) => this.#askNode(it, question)));
    return answers.filter((answer) => answer !== undefined);
  }

  async #askNode<Answer>(
    address: string,
    question: (node: Publisher) => Promise<Answer>,
  ): Promise<Answer | undefined> {
    const node = this.#parts.createPublisher(address);
    try {
      // A node that is not there has no subscribers.
      const isThere = await node.open(0).then(
        () => true,
        () => false,
      );
      return isThere ? await question(node) : undefined;
    } finally {
      await node.close();
    }
  }
}
