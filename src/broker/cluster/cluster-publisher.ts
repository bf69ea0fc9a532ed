import type { Redis } from 'ioredis';
import type { Publisher } from '../publisher.js';
import type { PublishingHalf } from '../publishing-half.js';
import type { ClusterTopology } from './cluster-topology.js';

/**
 * The sending half over a Cluster, where every node delivers what is published on any. Everything
 * goes through one node, as long as that is there: on several paths messages would overtake each other.
 */
export class ClusterPublisher implements PublishingHalf {
  /** PUBLISH counts the clients of one node. */
  readonly countsReceivers = false;
  readonly #publisher: Publisher;
  readonly #topology: ClusterTopology;
  readonly #createPublisher: (address: string) => Publisher;

  /** `createPublisher`: to ask another node. */
  constructor(
    publisher: Publisher,
    topology: ClusterTopology,
    createPublisher: (address: string) => Publisher,
  ) {
    this.#publisher = publisher;
    this.#topology = topology;
    this.#createPublisher = createPublisher;
  }

  get isReady(): boolean {
    return this.#publisher.isReady;
  }

  get hasEnded(): boolean {
    return this.#publisher.hasEnded;
  }

  get clients(): readonly Redis[] {
    return this.#publisher.clients;
  }

  onClient(listener: (client: Redis) => void): void {
    this.#publisher.onClient(listener);
  }

  open(patience: number): Promise<void> {
    return this.#publisher.open(patience);
  }

  async close(): Promise<void> {
    await Promise.all([this.#topology.stop(), this.#publisher.close()]);
  }

  restart(reason: string): void {
    this.#publisher.restart(reason);
  }

  publish(channel: string, payload: string | Uint8Array): Promise<number> {
    return this.#publisher.publish(channel, payload);
  }

  async channels(glob: string): Promise<string[]> {
    const found = await this.#ask((node) => node.channels(glob));
    return [...new Set(found.flat())];
  }

  async subscriberCounts(channels: readonly string[]): Promise<Map<string, number>> {
    const counts = await this.#ask((node) => node.subscriberCounts(channels));
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
    const node = this.#createPublisher(address);
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
