import type { ClusterNode } from './parse-nodes.js';
import { SLOT_COUNT, slotOf } from './slot.js';

type Owner = string | undefined;

/** The owner of each slot at one time. */
export class SlotMap {
  static #empty: SlotMap | undefined;
  /** The nodes that own slots. */
  readonly owners: ReadonlySet<string>;
  readonly #ownerOfSlot: readonly Owner[];

  private constructor(ownerOfSlot: readonly Owner[]) {
    this.#ownerOfSlot = ownerOfSlot;
    this.owners = new Set(ownerOfSlot.filter((owner) => owner !== undefined));
  }

  /** No slot has an owner. Made for the first Cluster: an application that has none starts a millisecond sooner. */
  static get EMPTY(): SlotMap {
    return (SlotMap.#empty ??= new SlotMap(Array.from<Owner>({ length: SLOT_COUNT })));
  }

  static of(nodes: readonly ClusterNode[], addressOf: (node: ClusterNode) => string): SlotMap {
    const ownerOfSlot = Array.from<Owner>({ length: SLOT_COUNT });
    for (const node of nodes) {
      const address = addressOf(node);
      for (const [first, last] of node.slots) ownerOfSlot.fill(address, first, last + 1);
    }
    return new SlotMap(ownerOfSlot);
  }

  equals(other: SlotMap): boolean {
    return this.#ownerOfSlot.every((owner, slot) => owner === other.ownerOf(slot));
  }

  /** The node that owns a slot; `undefined` if it has no owner. */
  ownerOf(slot: number): Owner {
    return this.#ownerOfSlot[slot];
  }

  /** This map, in which a slot without an owner keeps the one of an earlier map. */
  withFallback(earlier: SlotMap): SlotMap {
    return new SlotMap(this.#ownerOfSlot.map((owner, slot) => owner ?? earlier.ownerOf(slot)));
  }

  /**
   * The owners of slots that belonged, in an `earlier` map, to a node that is alive and has no slots now. Such
   * a former master is the replica of its successor.
   */
  successors(earlier: SlotMap, alive: readonly string[]): ReadonlySet<string> {
    const former = new Set<Owner>(
      alive.filter((it) => earlier.owners.has(it) && !this.owners.has(it)),
    );
    const theirs = this.#ownerOfSlot.filter((_, slot) => former.has(earlier.ownerOf(slot)));
    return new Set(theirs.filter((owner) => owner !== undefined));
  }

  /** A channel that begins with `start`, and whose slot belongs to one of the {@link owners}. */
  channelOf(owner: string, start: string): string {
    for (let i = 0; ; i++) {
      const channel = `${start}.${i}`;
      if (this.ownerOf(slotOf(channel)) === owner) return channel;
    }
  }
}
