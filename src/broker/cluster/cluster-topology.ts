import { setTimeout as delay } from 'node:timers/promises';
import { ClosedError } from '../../errors.js';
import { runOutside } from '../../shared/async-context.js';
import type { BrokerLog } from '../broker.js';
import { parseNodes, type ClusterNode } from './parse-nodes.js';
import { SlotMap } from './slot-map.js';
import { TopologyFailures } from './topology-failures.js';

/** Between two rounds of queries until a node answers. */
const RETRY_MS = 250;

/** How a {@link ClusterTopology} works. */
export interface ClusterTopologyOptions {
  /** The addresses `host:port` to query first. */
  readonly startupNodes: readonly string[];
  /** How often to refresh, in milliseconds. */
  readonly intervalMs: number;
  /** Resolves to the answer of the node at this address to CLUSTER NODES; has a time limit. */
  readonly query: (address: string, signal: AbortSignal) => Promise<string>;
  /** Whether a login that was refused would be refused again. */
  readonly isLoginFinal: boolean;
  /** Translates the address that a node announces to the one that it is reached at. */
  readonly translate: (address: string) => string;
  /** Whether to use the host name of a node, if it has one. */
  readonly prefersNames: boolean;
  /** Called at each refresh with the nodes that were part of the Cluster, and have failed or left it. */
  readonly onGone: (addresses: ReadonlySet<string>) => void;
  /** Called when slots have other owners. */
  readonly onMoved: () => void;
  readonly log: BrokerLog;
}

/**
 * The nodes of a Cluster, and the owner of each slot. Refreshed on an interval, from another node each time: a
 * subscriber is not told when its node leaves the Cluster.
 */
export class ClusterTopology {
  readonly #options: ClusterTopologyOptions;
  #addresses: readonly string[];
  #turn: number;
  #timer: NodeJS.Timeout | undefined;
  #refreshing: Promise<void> | undefined;
  #nextRefresh: Promise<void> | undefined;
  /** Nodes that were part of the Cluster, and are not now. */
  #gone: readonly string[] = [];
  #slots = SlotMap.EMPTY;
  /** The last owner of each slot, even if that node has failed: it may come back as a replica. */
  #lastOwners = SlotMap.EMPTY;
  #successors: ReadonlySet<string> = new Set();
  #epoch = 0;
  #lastConfirmed = new Date();
  #lastQuery = new Date();
  #stopping = new AbortController();
  #isKnown = false;
  readonly #failures: TopologyFailures;

  constructor(options: ClusterTopologyOptions) {
    this.#options = options;
    this.#failures = new TopologyFailures(options.log);
    this.#addresses = options.startupNodes;
    // Processes with the same configuration should not all start at the same node.
    this.#turn = Math.floor(Math.random() * this.#addresses.length);
  }

  /** All nodes that are known and have not failed, replicas included; before the first answer the startup nodes. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /** The owner of each slot. The slots of a failed master have none. */
  get slots(): SlotMap {
    return this.#slots;
  }

  /** The owner of each slot, or its last owner if it has none now. */
  get lastOwners(): SlotMap {
    return this.#lastOwners;
  }

  /**
   * Nodes that took, in the last change, the slots of a node that is now their replica. It still accepts
   * what is published there, and forwards it to them.
   */
  get successors(): ReadonlySet<string> {
    return this.#successors;
  }

  /**
   * The time until which the topology is confirmed. Other nodes may know more than the last answer, and
   * did not when the query before it was sent.
   */
  get lastConfirmed(): Date {
    return this.#lastConfirmed;
  }

  /** Returns each node in turn. */
  next(): string {
    this.#turn = (this.#turn + 1) % this.#addresses.length;
    return this.#addresses[this.#turn] ?? '';
  }

  /** Starts to refresh on the interval. */
  start(): void {
    if (this.#timer) return;
    this.#stopping = new AbortController();
    this.#timer = setInterval(() => {
      if (!this.#refreshing) void this.refresh();
    }, this.#options.intervalMs).unref();
  }

  /** Resolves when a node has answered. Rejects after `timeoutMs` milliseconds, or when no node ever will. */
  async discover(timeoutMs: number): Promise<void> {
    this.start();
    const { signal } = this.#stopping;
    const deadline = performance.now() + timeoutMs;
    while (!this.#isKnown) {
      await this.refresh();
      if (signal.aborted) throw new ClosedError();
      if (this.#isKnown) return;
      const isRefused = this.#options.isLoginFinal && this.#failures.isLoginRefused;
      if (isRefused || performance.now() >= deadline) throw this.#failures.toError();
      // After a stop the next round queries no node.
      await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Stops the timer; resolves when no query is in progress. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#stopping.abort();
    await this.#nextRefresh;
    await this.#refreshing;
  }

  /**
   * Queries the nodes, `first` before all others; never rejects. A refresh in progress may have sent its query
   * before the event that this call is about: another one follows it.
   */
  refresh(first?: string): Promise<void> {
    if (!this.#refreshing) return this.#startRefresh(first);
    this.#nextRefresh ??= this.#refreshing.then(() => {
      this.#nextRefresh = undefined;
      return this.#startRefresh(first);
    });
    return this.#nextRefresh;
  }

  /** As {@link refresh}, first at the address that a node announced for another one. */
  refreshFrom(announced: string): Promise<void> {
    try {
      return this.refresh(this.#options.translate(announced));
    } catch {
      // The user's `natMap` threw; the refresh calls it again, and logs the error.
      return this.refresh();
    }
  }

  /** The address at which a node is reached that another one announced. Throws what the user's `natMap` throws. */
  addressAt(announced: string): string {
    return this.#options.translate(announced);
  }

  #startRefresh(first: string | undefined): Promise<void> {
    this.#refreshing = runOutside(() => this.#queryInTurn(first, this.#stopping.signal))
      .catch((error: unknown) => this.#failures.failed(error))
      .finally(() => {
        this.#refreshing = undefined;
      });
    return this.#refreshing;
  }

  /** Queries one node after the other until one gives an answer that is up to date. */
  async #queryInTurn(first: string | undefined, signal: AbortSignal): Promise<void> {
    const outdated: [address: string, view: View][] = [];
    this.#failures.startRound();
    for (const address of this.#order(first)) {
      if (signal.aborted) return;
      const view = await this.#query(address, signal).catch((error: unknown) => {
        this.#failures.add(address, error);
      });
      if (signal.aborted) return;
      if (view && view.epoch >= this.#epoch) return this.#update(address, view);
      // A node that is cut off from the others answers as before.
      if (view) outdated.push([address, view]);
    }
    // If no node knows the last epoch, the Cluster was created again.
    const [latest] = outdated.toSorted(([, a], [, b]) => b.epoch - a.epoch);
    if (latest) return this.#update(...latest);
    this.#failures.failed();
  }

  /** A startup node comes second, and the others last: all known nodes may have moved to other addresses. */
  #order(first: string | undefined): Set<string> {
    const { startupNodes } = this.#options;
    const turn = this.#addresses.indexOf(this.next());
    const known = [...this.#addresses.slice(turn), ...this.#addresses.slice(0, turn)];
    const one = startupNodes.slice(turn % startupNodes.length).slice(0, 1);
    const all = [...known.slice(0, 1), ...one, ...known, ...startupNodes];
    return new Set(first === undefined ? all : [first, ...all]);
  }

  async #query(address: string, signal: AbortSignal): Promise<View> {
    const sent = new Date();
    const answer = await this.#options.query(address, signal);
    const nodes = parseNodes(answer, address.slice(0, address.lastIndexOf(':')));
    // A node without any slots is not part of the Cluster.
    if (!nodes.some(({ slots }) => slots.length > 0)) {
      throw new Error(`${address} knows of no slots`);
    }
    return { nodes, sent, epoch: Math.max(...nodes.map(({ epoch }) => epoch)) };
  }

  #update(address: string, { nodes, sent, epoch }: View): void {
    const alive = nodes.filter(({ isFailing }) => !isFailing);
    if (alive.length === 0) return;
    // Each node lists them in an order of its own; taking turns needs one order.
    const addresses = alive.map((node) => this.#addressOf(node)).toSorted();
    this.#failures.recovered(address);
    this.#epoch = epoch;
    const known = [...this.#gone, ...this.#addresses];
    const gone = known.filter((address) => !addresses.includes(address));
    // A startup node may be another name of a node that is alive.
    this.#gone = this.#isKnown ? gone : [];
    this.#isKnown = true;
    this.#addresses = addresses;
    this.#updateSlots(alive);
    if (gone.length > 0) this.#options.onGone(new Set(gone));
    this.#lastConfirmed = this.#lastQuery;
    this.#lastQuery = sent;
  }

  #updateSlots(nodes: readonly ClusterNode[]): void {
    const slots = SlotMap.of(nodes, (node) => this.#addressOf(node));
    if (slots.equals(this.#slots)) return;
    this.#successors = slots.successors(this.#lastOwners, this.#addresses);
    this.#lastOwners = slots.withFallback(this.#lastOwners);
    this.#slots = slots;
    this.#options.onMoved();
  }

  #addressOf({ address, namedAddress }: ClusterNode): string {
    const { translate, prefersNames } = this.#options;
    return translate((prefersNames && namedAddress) || address);
  }
}

/** The answer of one node. */
interface View {
  readonly nodes: readonly ClusterNode[];
  /** When the query was sent. */
  readonly sent: Date;
  readonly epoch: number;
}
