import { setTimeout as delay } from 'node:timers/promises';
import { ClosedError, ConnectionError, messageOf } from '../../errors.js';
import type { BrokerLog } from '../broker.js';
import { isLoginRefused } from '../connection/redis-error.js';
import { parseClusterNodes, type ClusterNode } from './parse-nodes.js';
import { SlotMap } from './slot-map.js';

/** Between two rounds of questions until somebody answers, in milliseconds. */
const RETRY = 250;

export interface ClusterTopologyOptions {
  /** `host:port` of those to ask first. */
  readonly startupNodes: readonly string[];
  /** How often to ask, in milliseconds. */
  readonly interval: number;
  /** CLUSTER NODES, as the node at this address answers it, in reasonable time. */
  readonly ask: (address: string, signal: AbortSignal) => Promise<string>;
  /** Whether a login that was refused will be the next time, too. */
  readonly isLoginFinal: boolean;
  /** Where a node says it is → where it is from here. */
  readonly translate: (address: string) => string;
  /** Whether nodes are called by name where they have one. */
  readonly prefersNames: boolean;
  /** These nodes were part of the Cluster, and are no longer, or are dead. Told of at each look. */
  readonly onGone: (addresses: ReadonlySet<string>) => void;
  /** Slots have other owners than before. */
  readonly onMoved: () => void;
  readonly log: BrokerLog;
}

/**
 * Which nodes a Cluster has, and which slots each of them owns. It is asked for on an interval, a
 * different node each time: whoever only listens to a node is never told that it has lost its part.
 */
export class ClusterTopology {
  readonly #options: ClusterTopologyOptions;
  #addresses: readonly string[];
  #turn: number;
  #timer: NodeJS.Timeout | undefined;
  #refreshing: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  /** Those that were part of the Cluster, and are not now. */
  #gone: readonly string[] = [];
  #slots = SlotMap.EMPTY;
  /** Who owned each slot last, also where that node is dead: it may come back as a replica. */
  #lastOwners = SlotMap.EMPTY;
  #successors: ReadonlySet<string> = new Set();
  #epoch = 0;
  #asOf = new Date();
  #lastAsked = new Date();
  #stopping = new AbortController();
  #isKnown = false;
  #failure: unknown;
  #isFailureLogged = false;

  constructor(options: ClusterTopologyOptions) {
    this.#options = options;
    this.#addresses = options.startupNodes;
    // Processes that are configured alike must not all begin at the same node.
    this.#turn = Math.floor(Math.random() * this.#addresses.length);
  }

  /** All nodes that are known and alive, replicas included; at first those to begin with. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /** Who owns which slot; those of masters that the others have given up belong to nobody. */
  get slots(): SlotMap {
    return this.#slots;
  }

  /** Who owns which slot, or did last where nobody does now. */
  get lastOwners(): SlotMap {
    return this.#lastOwners;
  }

  /**
   * Nodes that own, since the last change, what another one owned that lives on as their replica. That one
   * still takes what is published there, and passes it on to them.
   */
  get successors(): ReadonlySet<string> {
    return this.#successors;
  }

  /**
   * Until when it was so for certain: what one node says last, others may know better by then, but not
   * yet when it was asked before.
   */
  get asOf(): Date {
    return this.#asOf;
  }

  /** Each node in turn. */
  next(): string {
    this.#turn = (this.#turn + 1) % this.#addresses.length;
    return this.#addresses[this.#turn] ?? '';
  }

  start(): void {
    if (this.#timer) return;
    this.#stopping = new AbortController();
    this.#timer = setInterval(() => {
      if (!this.#refreshing) void this.refresh();
    }, this.#options.interval).unref();
  }

  /** Resolves when a node has answered; rejects when none has within `patience` milliseconds, or ever would. */
  async known(patience: number): Promise<void> {
    this.start();
    const { signal } = this.#stopping;
    const deadline = performance.now() + patience;
    while (!this.#isKnown) {
      await this.refresh();
      if (signal.aborted) throw new ClosedError();
      if (this.#isKnown) return;
      const isRefused = this.#options.isLoginFinal && isLoginRefused(this.#failure);
      const isHopeless = isRefused || performance.now() >= deadline;
      if (isHopeless) throw unreachable(this.#failure);
      // Told to stop meanwhile: the next round asks nobody.
      await delay(RETRY, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Resolves when nobody is being asked any more. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#stopping.abort();
    await this.#next;
    await this.#refreshing;
  }

  /**
   * Asks anew, `first` before all others; never rejects. A round that is under way may have asked
   * before whatever makes somebody ask: another one follows it.
   */
  refresh(first?: string): Promise<void> {
    if (!this.#refreshing) return this.#begin(first);
    this.#next ??= this.#refreshing.then(() => {
      this.#next = undefined;
      return this.#begin(first);
    });
    return this.#next;
  }

  /** As {@link refresh}, from where a node says that another one is. */
  refreshFrom(address: string): Promise<void> {
    try {
      return this.refresh(this.#options.translate(address));
    } catch {
      // A user's function; what it threw shows when it is asked about the answer.
      return this.refresh();
    }
  }

  #begin(first: string | undefined): Promise<void> {
    this.#refreshing = this.#askAround(first, this.#stopping.signal)
      .catch((error: unknown) => this.#onFailure(error))
      .finally(() => {
        this.#refreshing = undefined;
      });
    return this.#refreshing;
  }

  /** Asks one node after the other until one answers that is up to date. */
  async #askAround(first: string | undefined, signal: AbortSignal): Promise<void> {
    const outdated: View[] = [];
    for (const address of this.#inTurn(first)) {
      if (signal.aborted) return;
      const view = await this.#ask(address, signal).catch((error: unknown) => {
        this.#failure = error;
      });
      if (signal.aborted) return;
      if (view && view.epoch >= this.#epoch) return this.#learn(view);
      // A node that was cut off goes on as if nothing had happened.
      if (view) outdated.push(view);
    }
    // Nobody knows of what we know: the Cluster was made anew.
    const [latest] = outdated.toSorted((a, b) => b.epoch - a.epoch);
    if (latest) return this.#learn(latest);
    this.#onFailure(this.#failure);
  }

  #onFailure(error: unknown): void {
    this.#failure = error;
    if (this.#isFailureLogged) return;
    this.#isFailureLogged = true;
    this.#options.log.warn(
      `No node of the Cluster answers what can be used; trying on (${messageOf(error)})`,
    );
  }

  /** One of those to begin with comes second, the others last: nobody who is known may be where he was. */
  #inTurn(first: string | undefined): Set<string> {
    const { startupNodes } = this.#options;
    const turn = this.#addresses.indexOf(this.next());
    const known = [...this.#addresses.slice(turn), ...this.#addresses.slice(0, turn)];
    const one = startupNodes.slice(turn % startupNodes.length).slice(0, 1);
    const all = [...known.slice(0, 1), ...one, ...known, ...startupNodes];
    return new Set(first === undefined ? all : [first, ...all]);
  }

  async #ask(address: string, signal: AbortSignal): Promise<View> {
    const asOf = new Date();
    const answer = await this.#options.ask(address, signal);
    const nodes = parseClusterNodes(answer, address.slice(0, address.lastIndexOf(':')));
    // Such a node is not, or no longer, part of the Cluster.
    if (!nodes.some(({ slots }) => slots.length > 0)) {
      throw new Error(`${address} knows of no slots`);
    }
    return { nodes, asOf, epoch: Math.max(...nodes.map(({ epoch }) => epoch)) };
  }

  #learn({ nodes, asOf, epoch }: View): void {
    const alive = nodes.filter(({ isFailing }) => !isFailing);
    if (alive.length === 0) return;
    // Each node has an order of its own; a turn needs one.
    const addresses = alive.map((node) => this.#addressOf(node)).toSorted();
    this.#isFailureLogged = false;
    this.#epoch = epoch;
    const known = [...this.#gone, ...this.#addresses];
    const gone = known.filter((address) => !addresses.includes(address));
    // Those to begin with may have been other names of nodes that are there.
    this.#gone = this.#isKnown ? gone : [];
    this.#isKnown = true;
    this.#addresses = addresses;
    this.#learnSlots(alive);
    if (gone.length > 0) this.#options.onGone(new Set(gone));
    this.#asOf = this.#lastAsked;
    this.#lastAsked = asOf;
  }

  #learnSlots(nodes: readonly ClusterNode[]): void {
    const slots = SlotMap.of(nodes, (node) => this.#addressOf(node));
    if (slots.equals(this.#slots)) return;
    this.#successors = slots.successors(this.#lastOwners, this.#addresses);
    this.#lastOwners = slots.over(this.#lastOwners);
    this.#slots = slots;
    this.#options.onMoved();
  }

  #addressOf({ address, namedAddress }: ClusterNode): string {
    const { translate, prefersNames } = this.#options;
    return translate((prefersNames && namedAddress) || address);
  }
}

/** What one node knows. */
interface View {
  readonly nodes: readonly ClusterNode[];
  readonly asOf: Date;
  readonly epoch: number;
}

function unreachable(cause: unknown): ConnectionError {
  return new ConnectionError(
    `No node of the Cluster is reachable: ${messageOf(cause)}. Connection is closed.`,
    { cause },
  );
}
