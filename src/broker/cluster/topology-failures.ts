import { ConnectionError, messageOf } from '../../errors.js';
import type { BrokerLog } from '../broker.js';
import { QueryError } from '../connection/one-off-query.js';
import { isLoginRefused, isReplyError } from '../connection/redis-error.js';

/** How many nodes an error or a log line names. */
const MAX_NODES = 5;

/** Why the nodes of a Cluster gave no usable answer, of each its failure in the last whole round of queries. */
export class TopologyFailures {
  readonly #log: BrokerLog;
  /** Those of the round in progress: an error that is made during it must not be without a reason. */
  readonly #current = new Map<string, unknown>();
  #ofNodes: ReadonlyMap<string, unknown> = new Map();
  /** An error that is of no single node, such as one of the user's `natMap`. */
  #ofAll: unknown;
  #lastReason: string | undefined;
  #loggedReason: string | undefined;

  constructor(log: BrokerLog) {
    this.#log = log;
  }

  /** Whether a node has refused the login. */
  get isLoginRefused(): boolean {
    return this.#errors.some(isLoginRefused);
  }

  /** Starts a round of queries. */
  startRound(): void {
    this.#current.clear();
  }

  /** The node at this address gave no usable answer. */
  add(address: string, error: unknown): void {
    this.#current.set(address, error);
  }

  /** The round has ended without a usable answer. Logs that once, and again when the reason has changed for two rounds. */
  failed(error?: unknown): void {
    this.#ofNodes = new Map(this.#current);
    this.#ofAll = error;
    const reason = this.#reason;
    const isStable = reason === this.#lastReason;
    this.#lastReason = reason;
    if (reason === this.#loggedReason || (this.#loggedReason !== undefined && !isStable)) return;
    this.#loggedReason = reason;
    this.#log.warn(
      `No node of the Cluster gave a usable answer to CLUSTER NODES; retrying (${reason})`,
    );
  }

  /** A node has given a usable answer. */
  recovered(address: string): void {
    if (this.#loggedReason === undefined) return;
    this.#loggedReason = this.#lastReason = undefined;
    this.#log.warn(`The Cluster answers CLUSTER NODES again, at ${address}`);
  }

  /** The error for callers that wait for the Cluster. */
  toError(): ConnectionError {
    const errors = this.#errors;
    return new ConnectionError(
      `No node of the Cluster ${summaryOf(errors)}: ${this.#reason}. Connection is closed.`,
      { cause: errors.at(-1) },
    );
  }

  get #errors(): unknown[] {
    return this.#ofAll === undefined ? [...this.#ofNodes.values()] : [this.#ofAll];
  }

  get #reason(): string {
    if (this.#ofAll !== undefined) return withoutStop(this.#ofAll);
    // The rounds start at different nodes.
    const addresses = [...this.#ofNodes.keys()].toSorted();
    const named = addresses.slice(0, MAX_NODES).map((it) => reasonOf(it, this.#ofNodes.get(it)));
    const more = addresses.length - MAX_NODES;
    return named.join(', ') + (more > 0 ? ` and ${more} more` : '');
  }
}

function summaryOf(errors: readonly unknown[]): string {
  if (errors.some((it) => (it instanceof QueryError ? it.isReply : isReplyError(it))))
    return 'accepts the connection';
  const wasReached = errors.some((it) => !(it instanceof QueryError) || it.wasOpen);
  return wasReached ? 'gave a usable answer' : 'is reachable';
}

function reasonOf(address: string, error: unknown): string {
  const reason = withoutStop(error);
  // A host name may stand for several addresses, of which the reason has one.
  return reason.startsWith(`${address} `) ? reason : `${address}: ${reason}`;
}

/** Redis' own text may end with a full stop. */
function withoutStop(error: unknown): string {
  return messageOf(error).replace(/\.$/, '');
}
