import type { Redis } from 'ioredis';
import { messageOf } from '../../errors.js';
import { ConnectAttempt } from './connect-attempt.js';
import { explainFailure } from './connect-failure.js';
import { onSentinelClient, onSocket } from './ioredis-internals.js';

/** How many sentinels an error names. */
const MAX_SENTINELS = 5;

const ALL_FAILED = /^All sentinels are unreachable/;

/** The text of ioredis about one sentinel, of which it says no more than this where the connection failed. */
const FAILED = /^failed to connect to sentinel \S+ because ([^]*)$/;
const CLOSED = 'Connection is closed.';

/** What was seen of one sentinel. */
interface Sentinel {
  readonly address: string;
  error?: unknown;
  attempt?: ConnectAttempt;
}

/** Whether ioredis reports that all sentinels failed. It goes on to ask them, and reports nothing else. */
export function isOfAllSentinels(error: unknown): boolean {
  return ALL_FAILED.test(messageOf(error));
}

/** Why no sentinel named the master: ioredis tells one reason, and not of which sentinel. */
export class SentinelFailures {
  readonly #name: string;
  readonly #reasons = new Map<string, string>();
  #current: Sentinel | undefined;
  #hasAnswer = false;

  /** Watches the sentinels of a client. */
  constructor(client: Redis) {
    this.#name = client.options.name ?? '';
    onSentinelClient(client, (sentinel) => this.#watch(sentinel));
    client.on('sentinelError', (error: unknown) => this.#add(error));
  }

  /** Returns an error with the reason of each sentinel for the one that ioredis reports after all failed; any other as it is. */
  explain(error: unknown): unknown {
    if (!isOfAllSentinels(error) || this.#reasons.size === 0) return error;
    // ioredis begins with the sentinel that answered last.
    const reasons = [...this.#reasons].map(([address, reason]) => `${address}: ${reason}`);
    const named = reasons.toSorted().slice(0, MAX_SENTINELS).join(', ');
    const more = reasons.length - MAX_SENTINELS;
    const what = this.#hasAnswer
      ? `no sentinel named the master "${this.#name}"`
      : 'All sentinels are unreachable';
    this.#reasons.clear();
    this.#hasAnswer = false;
    return new Error(`${what}: ${named}${more > 0 ? ` and ${more} more` : ''}`, { cause: error });
  }

  #watch(sentinel: Redis): void {
    const { host, port } = sentinel.options;
    const current: Sentinel = { address: `${host}:${port}` };
    this.#current = current;
    onSocket(sentinel, (socket) => {
      current.attempt = new ConnectAttempt(socket);
    });
    sentinel.on('error', (error: unknown) => {
      current.error = error;
    });
  }

  #add(error: unknown): void {
    const sentinel = this.#current;
    if (!sentinel) return;
    this.#hasAnswer ||= sentinel.attempt?.isOpen === true;
    this.#reasons.set(sentinel.address, reasonOf(error, sentinel));
  }
}

function reasonOf(reported: unknown, { error, attempt }: Sentinel): string {
  const text = FAILED.exec(messageOf(reported))?.[1];
  if (text === undefined) return 'it does not know this master';
  const isReply = error === undefined && text !== CLOSED;
  const reason = isReply ? text : explainFailure(error, attempt).reason;
  return reason.replace(/\.$/, '');
}
