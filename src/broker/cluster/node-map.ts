import type { Redis } from 'ioredis';

/** Something over connections of its own to one node. */
interface OfNode {
  readonly clients: readonly Redis[];
  onClient(listener: (client: Redis) => void): void;
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

  override set(address: string, node: Node): this {
    super.set(address, node);
    for (const listener of this.#clientListeners) node.onClient(listener);
    return this;
  }
}
