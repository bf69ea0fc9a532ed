import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';

/**
 * How long a message may take from node to node, in milliseconds. The cluster bus holds small messages back
 * until the last one is acknowledged, which TCP may delay by 200.
 */
export const CLUSTER_BUS_DELAY_MS = 250;

/** A publisher or a subscriber of one node. */
interface NodeMember {
  readonly clients: readonly Redis[];
  onClient(listener: (client: Redis) => void): void;
  open(timeoutMs: number): Promise<void>;
}

/** The publishers, or the subscribers, of the nodes of a Cluster, by their addresses. */
export class NodeMap<Member extends NodeMember> extends Map<string, Member> {
  readonly #clientListeners: ((client: Redis) => void)[] = [];

  get all(): readonly Member[] {
    return [...this.values()];
  }

  get clients(): readonly Redis[] {
    return this.all.flatMap(({ clients }) => clients);
  }

  /** Calls `listener` with the client of each member, and of each that is added later. */
  onClient(listener: (client: Redis) => void): void {
    this.#clientListeners.push(listener);
    for (const client of this.clients) listener(client);
  }

  /** Resolves when all members are open. One that is removed in that time need not be. See `Broker#connect`. */
  async open(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    const opened = new Set<Member>();
    const open = async (member: Member): Promise<void> => {
      opened.add(member);
      // With 0 there is one attempt.
      const rest = timeoutMs === 0 ? 0 : Math.max(1, deadline - performance.now());
      await member.open(rest).catch((error: unknown) => {
        if (this.all.includes(member)) throw error;
      });
    };
    for (let missing = this.all; missing.length > 0;) {
      await Promise.all(missing.map(open));
      missing = this.all.filter((member) => !opened.has(member));
      // They may be successors, which are opened after this delay.
      if (missing.length > 0) await delay(CLUSTER_BUS_DELAY_MS);
    }
  }

  override set(address: string, member: Member): this {
    super.set(address, member);
    for (const listener of this.#clientListeners) member.onClient(listener);
    return this;
  }
}
