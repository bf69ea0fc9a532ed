import { setTimeout as delay } from 'node:timers/promises';
import { ClosedError, ConnectionError, messageOf } from '../../errors.js';
import type { BrokerLog } from '../broker.js';
import { parseClusterNodes, type ClusterNode } from './cluster-node.js';

/** Between two rounds of questions until somebody answers, in milliseconds. */
const RETRY = 250;

export interface ClusterTopologyOptions {
  /** `host:port` of those to ask first. */
  readonly startupNodes: readonly string[];
  /** How often to ask, in milliseconds. */
  readonly interval: number;
  /** CLUSTER NODES, as the node at this address answers it, in reasonable time. */
  readonly ask: (address: string, signal: AbortSignal) => Promise<string>;
  /** Where a node says it is → where it is from here. */
  readonly translate: (address: string) => string;
  /** Whether nodes are called by name where they have one. */
  readonly prefersNames: boolean;
  /** These nodes were part of the Cluster, and are no longer, or are dead. */
  readonly onGone: (addresses: ReadonlySet<string>) => void;
  readonly log: BrokerLog;
}

/**
 * Which nodes a Cluster has. It is asked for on an interval, a different node each time: whoever only
 * listens to a node is never told that it has lost its part.
 */
export class ClusterTopology {
  readonly #options: ClusterTopologyOptions;
  #addresses: readonly string[];
  #turn: number;
  #timer: NodeJS.Timeout | undefined;
  #refreshing: Promise<void> | undefined;
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

  /** Each node in turn. */
  next(): string {
    this.#turn = (this.#turn + 1) % this.#addresses.length;
    return this.#addresses[this.#turn] ?? '';
  }

  start(): void {
    if (this.#timer) return;
    this.#stopping = new AbortController();
    this.#timer = setInterval(() => void this.#refresh(), this.#options.interval).unref();
  }

  /** Resolves when a node has answered; rejects when none has within `patience` milliseconds. */
  async known(patience: number): Promise<void> {
    this.start();
    const { signal } = this.#stopping;
    const deadline = performance.now() + patience;
    while (!this.#isKnown) {
      await this.#refresh();
      if (signal.aborted) throw new ClosedError();
      if (this.#isKnown) return;
      if (performance.now() >= deadline) throw unreachable(this.#failure);
      await delay(RETRY);
    }
  }

  /** Resolves when nobody is being asked any more. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#stopping.abort();
    await this.#refreshing;
  }

  #refresh(): Promise<void> {
    this.#refreshing ??= this.#askAround(this.#stopping.signal).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** Asks one node after the other until one answers. */
  async #askAround(signal: AbortSignal): Promise<void> {
    for (const address of this.#inTurn()) {
      if (signal.aborted) return;
      try {
        this.#learn(await this.#options.ask(address, signal), address);
        this.#isFailureLogged = false;
        return;
      } catch (error) {
        this.#failure = error;
      }
    }
    if (this.#isFailureLogged || signal.aborted) return;
    this.#isFailureLogged = true;
    this.#options.log.warn(
      `No node of the Cluster answers; trying on (${messageOf(this.#failure)})`,
    );
  }

  /** At last those to begin with: nobody who is known may be where he was. */
  #inTurn(): Set<string> {
    const first = this.#addresses.indexOf(this.next());
    const known = [...this.#addresses.slice(first), ...this.#addresses.slice(0, first)];
    return new Set([...known, ...this.#options.startupNodes]);
  }

  #learn(answer: string, asked: string): void {
    const host = asked.slice(0, asked.lastIndexOf(':'));
    const nodes = parseClusterNodes(answer, host);
    // Such a node is not, or no longer, part of the Cluster.
    if (!nodes.some(({ hasSlots }) => hasSlots)) throw new Error(`${asked} knows of no slots`);
    // Each node has an order of its own; a turn needs one.
    const alive = nodes
      .filter(({ isFailing }) => !isFailing)
      .map((node) => this.#addressOf(node))
      .toSorted();
    if (alive.length === 0) return;
    const gone = new Set(this.#addresses.filter((address) => !alive.includes(address)));
    this.#addresses = alive;
    this.#isKnown = true;
    if (gone.size > 0) this.#options.onGone(gone);
  }

  #addressOf({ address, namedAddress }: ClusterNode): string {
    const { translate, prefersNames } = this.#options;
    return translate((prefersNames && namedAddress) || address);
  }
}

function unreachable(cause: unknown): ConnectionError {
  return new ConnectionError(
    `No node of the Cluster is reachable: ${messageOf(cause)}. Connection is closed.`,
    { cause },
  );
}
