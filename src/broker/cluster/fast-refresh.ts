import type { ClusterTopology } from './cluster-topology.js';

/** Between two looks, in milliseconds. */
const PACE = 250;

/**
 * Looks at a Cluster more often while the connection to an owner of slots is away: any moment now a
 * replica of it may take over, and what is published there until then is lost.
 */
export class OwnerSearch {
  readonly #topology: ClusterTopology;
  readonly #isMissing: () => boolean;
  #timer: NodeJS.Timeout | undefined;

  constructor(topology: ClusterTopology, isMissing: () => boolean) {
    this.#topology = topology;
    this.#isMissing = isMissing;
  }

  /** Looks until nobody is missing. */
  begin(): void {
    if (!this.#isMissing()) return;
    this.#timer ??= setTimeout(() => {
      void this.#topology.refresh().then(() => {
        this.#timer = undefined;
        this.begin();
      });
    }, PACE).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
