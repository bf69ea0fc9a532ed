import type { ClusterNode } from './parse-nodes.js';
import { SLOTS, slotOf } from './slot.js';

type Owner = string | undefined;

/** Who owns which slot, at one time. */
export class SlotMap {
  static readonly EMPTY = new SlotMap(Array.from<Owner>({ length: SLOTS }));
  /** The nodes that own slots. */
  readonly owners: ReadonlySet<string>;
  readonly #ownerOfSlot: readonly Owner[];

  private constructor(ownerOfSlot: readonly Owner[]) {
    this.#ownerOfSlot = ownerOfSlot;
    this.owners = new Set(ownerOfSlot.filter((owner) => owner !== undefined));
  }

  static of(nodes: readonly ClusterNode[], addressOf: (node: ClusterNode) => string): SlotMap {
    const ownerOfSlot = Array.from<Owner>({ length: SLOTS });
    for (const node of nodes) {
      const address = addressOf(node);
      for (const [first, last] of node.slots) ownerOfSlot.fill(address, first, last + 1);
    }
    return new SlotMap(ownerOfSlot);
  }

  equals(other: SlotMap): boolean {
    return this.#ownerOfSlot.every((owner, slot) => owner === other.ownerOf(slot));
  }

  /** The node that owns a slot; `undefined` where nobody does. */
  ownerOf(slot: number): Owner {
    return this.#ownerOfSlot[slot];
  }

  /** This map; a slot that nobody owns has the owner that it has in an earlier one. */
  over(earlier: SlotMap): SlotMap {
    return new SlotMap(this.#ownerOfSlot.map((owner, slot) => owner ?? earlier.ownerOf(slot)));
  }

  /**
   * Who owns now what, by an `earlier` map, somebody owned who lives on without slots: a former master is
   * the replica of its successor.
   */
  successors(earlier: SlotMap, alive: readonly string[]): ReadonlySet<string> {
    const former = new Set<Owner>(
      alive.filter((it) => earlier.owners.has(it) && !this.owners.has(it)),
    );
    const theirs = this.#ownerOfSlot.filter((_, slot) => former.has(earlier.ownerOf(slot)));
    return new Set(theirs.filter((owner) => owner !== undefined));
  }

  /** A channel, beginning with this text, whose slot one of the {@link owners} owns. */
  channelOf(owner: string, start: string): string {
    for (let i = 0; ; i++) {
      const channel = `${start}.${i}`;
      if (this.ownerOf(slotOf(channel)) === owner) return channel;
    }
  }
}
