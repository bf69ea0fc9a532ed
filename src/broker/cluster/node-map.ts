import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';

/**
 * How long a message may be on its way from node to node, in milliseconds: their links hold small ones
 * back until the last was acknowledged, which TCP may put off for 200.
 */
export const BETWEEN_NODES = 250;

/** Something over connections of its own to one node. */
interface OfNode {
  readonly clients: readonly Redis[];
  onClient(listener: (client: Redis) => void): void;
  open(patience: number): Promise<void>;
}

/** One of a kind for each node of a Cluster, by its address. */
export class NodeMap<Node extends OfNode> extends Map<string, Node> {
  readonly #clientListeners: ((client: Redis) => void)[] = [];

  get all(): readonly Node[] {
    return [...this.values()];
  }

  get clients(): readonly Redis[] {
    return this.all.flatMap(({ clients }) => clients);
  }

  /** Calls `listener` with each client of a node that is here, or ever will be. */
  onClient(listener: (client: Redis) => void): void {
    this.#clientListeners.push(listener);
    for (const client of this.clients) listener(client);
  }

  /** Resolves when all that are here are open; one that is taken away meanwhile need not be. See `Broker#connect`. */
  async open(patience: number): Promise<void> {
    const deadline = performance.now() + patience;
    const begun = new Set<Node>();
    const open = async (node: Node): Promise<void> => {
      begun.add(node);
      // With 0 there is one attempt.
      const rest = patience === 0 ? 0 : Math.max(1, deadline - performance.now());
      await node.open(rest).catch((error: unknown) => {
        if (this.all.includes(node)) throw error;
      });
    };
    for (let missing = this.all; missing.length > 0;) {
      await Promise.all(missing.map(open));
      missing = this.all.filter((node) => !begun.has(node));
      // They may be successors.
      if (missing.length > 0) await delay(BETWEEN_NODES);
    }
  }

  override set(address: string, node: Node): this {
    super.set(address, node);
    for (const listener of this.#clientListeners) node.onClient(listener);
    return this;
  }
}
