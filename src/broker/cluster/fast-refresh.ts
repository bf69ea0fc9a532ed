import { runOutside } from '../../shared/async-context.js';
import type { ClusterTopology } from './cluster-topology.js';

const INTERVAL_MS = 250;

/**
 * Refreshes the topology more often while a connection to an owner of slots is down. A replica may take its
 * place at any moment. Messages that are published there until we connect are lost.
 */
export class FastRefresh {
  readonly #topology: ClusterTopology;
  readonly #isNeeded: () => boolean;
  #timer: NodeJS.Timeout | undefined;

  constructor(topology: ClusterTopology, isNeeded: () => boolean) {
    this.#topology = topology;
    this.#isNeeded = isNeeded;
  }

  /** Refreshes until it is no longer needed. */
  start(): void {
    if (!this.#isNeeded()) return;
    this.#timer ??= runOutside(() => setTimeout(() => void this.#refresh(), INTERVAL_MS).unref());
  }

  async #refresh(): Promise<void> {
    await this.#topology.refresh();
    this.#timer = undefined;
    this.start();
  }

  /** Stops the timer. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
