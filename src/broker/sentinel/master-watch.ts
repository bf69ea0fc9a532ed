import type { Redis, RedisOptions } from 'ioredis';
import type { ServerWatch, WatchedConnection } from '../connection/server-watch.js';
import { askSentinels } from './ask-sentinels.js';

/** How often a sentinel tells the others what it knows: a constant of Redis. */
const HELLO_PERIOD_MS = 2_000;

/** How a {@link MasterWatch} works. */
export interface MasterWatchOptions {
  /** How often the sentinels are asked. */
  readonly intervalMs: number;
  /** Resolves to the addresses `ip:port` of the master, as each sentinel names it; `undefined` for one that does not answer. */
  readonly ask: (signal: AbortSignal) => Promise<readonly (readonly string[] | undefined)[]>;
}

interface Member {
  readonly client: Redis;
  readonly onWrongServer: (reason: string) => void;
  lastConfirmed: Date;
}

/**
 * A watch over the connections that are made with these options, if Sentinel names the master; none for
 * connections to replicas, of which any will do.
 */
export function watchMaster(options: RedisOptions, intervalMs: number): MasterWatch | undefined {
  if (!options.sentinels || options.role === 'slave') return undefined;
  return new MasterWatch({ intervalMs, ask: (signal) => askSentinels(options, signal) });
}

/**
 * Finds connections to a server that is no longer the master. A former master goes on as before: for ten
 * seconds after an orderly failover, and as long as it is cut off from its sentinels. To learn of a
 * failover, ioredis waits for a report of the sentinels, over connections that may be dead. So this asks them over new ones.
 */
export class MasterWatch implements ServerWatch {
  readonly #options: MasterWatchOptions;
  readonly #members = new Set<Member>();
  #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #asking: Promise<void> | undefined;

  constructor(options: MasterWatchOptions) {
    this.#options = options;
  }

  watch(client: Redis, onWrongServer: (reason: string) => void): WatchedConnection {
    const member: Member = { client, onWrongServer, lastConfirmed: new Date() };
    this.#members.add(member);
    this.#timer ??= setInterval(() => this.#ask(), this.#options.intervalMs).unref();
    return {
      get lastConfirmed() {
        return member.lastConfirmed;
      },
      stop: () => this.#remove(member),
    };
  }

  async #remove(member: Member): Promise<void> {
    this.#members.delete(member);
    if (this.#members.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#stopping.abort();
    this.#stopping = new AbortController();
    await this.#asking;
  }

  #ask(): void {
    this.#asking ??= this.#askAll(this.#stopping.signal).finally(() => {
      this.#asking = undefined;
    });
  }

  async #askAll(signal: AbortSignal): Promise<void> {
    const sent = Date.now();
    const members = [...this.#members];
    const replies = await this.#options.ask(signal);
    const answers = replies.filter((answer) => answer !== undefined);
    if (signal.aborted || answers.length === 0) return;
    // A sentinel that does not answer may know of another master already.
    const confirmed = new Date(answers.length < replies.length ? sent - HELLO_PERIOD_MS : sent);
    for (const member of members) {
      if (this.#members.has(member)) check(member, answers, confirmed);
    }
  }
}

function check(member: Member, answers: readonly (readonly string[])[], confirmed: Date): void {
  const { remoteAddress = '', remotePort } = member.client.stream;
  const here = `${remoteAddress.replace(/^::ffff:/, '')}:${remotePort}`;
  const agreeing = answers.filter((addresses) => addresses.includes(here)).length;
  if (agreeing === answers.length) {
    if (confirmed > member.lastConfirmed) member.lastConfirmed = confirmed;
    return;
  }
  // A single sentinel may be cut off, and its answer out of date.
  if (agreeing < answers.length / 2) {
    member.onWrongServer('the sentinels name another master');
  }
}
