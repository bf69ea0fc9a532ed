import type { ClusterTopology } from '../../../../src/broker/cluster/cluster-topology.js';
import type { ClusterNode, SlotRange } from '../../../../src/broker/cluster/parse-nodes.js';
import { SlotMap } from '../../../../src/broker/cluster/slot-map.js';

/** A slot map in which these addresses own these slots. */
export const mapOf = (slotsOf: Record<string, readonly SlotRange[]>): SlotMap =>
  SlotMap.of(
    Object.entries(slotsOf).map(
      ([address, slots]) => ({ address, slots }) as Partial<ClusterNode> as ClusterNode,
    ),
    ({ address }) => address,
  );

/** A topology that a test changes, and that records its calls. */
export class FakeTopology {
  slots = SlotMap.EMPTY;
  lastOwners = SlotMap.EMPTY;
  successors: ReadonlySet<string> = new Set();
  addresses: readonly string[] = [];
  lastConfirmed = new Date(0);
  /** What `discover` and `refresh` wait for. */
  known: Promise<void> = Promise.resolve();
  readonly asked: string[] = [];
  stops = 0;

  /** The topology as the classes under test take it. */
  get topology(): ClusterTopology {
    return this as unknown as ClusterTopology;
  }

  /** Changes the owners. */
  change(slotsOf: Record<string, readonly SlotRange[]>, successors: readonly string[] = []): void {
    this.slots = mapOf(slotsOf);
    this.lastOwners = this.slots.withFallback(this.lastOwners);
    this.successors = new Set(successors);
    this.addresses = Object.keys(slotsOf);
  }

  next(): string {
    return this.addresses[0] ?? 'startup:1';
  }

  discover(timeoutMs: number): Promise<void> {
    this.asked.push(`discover ${timeoutMs}`);
    return this.known;
  }

  refresh(first?: string): Promise<void> {
    this.asked.push(first === undefined ? 'refresh' : `refresh ${first}`);
    return this.known;
  }

  refreshFrom(announced: string): Promise<void> {
    this.asked.push(`refreshFrom ${announced}`);
    return this.known;
  }

  async stop(): Promise<void> {
    this.stops++;
  }
}
