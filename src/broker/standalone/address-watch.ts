import type { Redis } from 'ioredis';
import type { BrokerLog } from '../broker.js';
import type { ServerWatch, WatchedConnection } from '../connection/server-watch.js';
import type { ServerInfo } from '../connection/ioredis-internals.js';
import { askIdentity, identityIn, type ServerIdentity } from '../connection/server-identity.js';

/** How many further connections must agree before one that works is replaced. */
const CONFIRMATIONS = 2;

/** So many checks in a row may replace connections; one more means that several servers answer. */
const MAX_MOVES = 2;

/** How long a server that is asked over an existing connection may take. */
const ANSWER_TIMEOUT_MS = 1_000;

/** How an {@link AddressWatch} works. */
export interface AddressWatchOptions {
  /** The longest time between two checks, in milliseconds. */
  readonly intervalMs: number;
  /** The address of the server, without credentials. */
  readonly address: string;
  /** Asks the server that answers at the address now, over a new connection. Rejects if there is no answer. */
  readonly ask: (signal: AbortSignal) => Promise<ServerIdentity>;
  readonly log: BrokerLog;
}

interface Member {
  readonly client: Redis;
  readonly onWrongServer: (reason: string) => void;
  identity: ServerIdentity;
  lastConfirmed: Date;
  /** Whether it leads to the wrong server, and is about to be replaced. */
  isWrong: boolean;
}

/**
 * Finds connections that an address no longer leads to. After a failover behind a host name, a service of
 * Kubernetes or a proxy the old connections may stay up: both lead to the old server, so that messages which this
 * process publishes still arrive, and those of other processes do not. This asks over a new connection
 * which server answers now. A connection to a master that has become a replica is replaced, too.
 */
export class AddressWatch implements ServerWatch {
  readonly #options: AddressWatchOptions;
  readonly #members = new Set<Member>();
  /** The clients that were connected to a master, which a replica must not replace. */
  readonly #hadMaster = new WeakSet<Redis>();
  /** The clients whose server tells its role before they are ready: {@link refuse} judges them. */
  readonly #toldBefore = new WeakSet<Redis>();
  /** The clients that were taken from a replica, and must wait for a master. */
  readonly #demoted = new WeakSet<Redis>();
  readonly #known = new WeakMap<Redis, ServerIdentity>();
  #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #checking: Promise<void> | undefined;
  #moves = 0;
  #isOff = false;
  #hasWarnedOfReplica = false;
  #hasWarnedOfSilence = false;

  constructor(options: AddressWatchOptions) {
    this.#options = options;
  }

  refuse(client: Redis, info: ServerInfo): string | undefined {
    const identity = identityIn(info);
    this.#known.set(client, identity);
    if (identity.role !== undefined) this.#toldBefore.add(client);
    const isDemoted = identity.role === 'replica' && this.#hadMaster.has(client);
    return isDemoted && !this.#isOff ? this.#waiting : undefined;
  }

  async unwanted(client: Redis, signal: AbortSignal): Promise<string | undefined> {
    if (!this.#demoted.has(client) || this.#toldBefore.has(client) || this.#isOff) return undefined;
    const { role } = await this.#ask(signal);
    if (role === 'replica') return this.#waiting;
    if (role === 'master') this.#demoted.delete(client);
    return undefined;
  }

  watch(client: Redis, onWrongServer: (reason: string) => void): WatchedConnection {
    const identity = this.#known.get(client) ?? {};
    this.#known.delete(client);
    const member: Member = {
      client,
      onWrongServer,
      identity,
      lastConfirmed: new Date(),
      isWrong: false,
    };
    this.#members.add(member);
    this.#learn(member, identity);
    // A subscriber over RESP2 can be asked before its first SUBSCRIBE only.
    if (identity.runId === undefined) void this.#askMember(member, this.#stopping.signal);
    this.#schedule();
    return {
      // As long as the address leads here, the heartbeat knows better.
      get lastConfirmed() {
        return member.isWrong ? member.lastConfirmed : new Date();
      },
      stop: () => this.#remove(member),
    };
  }

  async #remove(member: Member): Promise<void> {
    this.#members.delete(member);
    if (this.#members.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#stopping.abort();
    this.#stopping = new AbortController();
    await this.#checking;
  }

  #schedule(): void {
    if (this.#timer || this.#isOff || this.#members.size === 0) return;
    const { intervalMs } = this.#options;
    // The jitter spreads the checks of a fleet.
    const delayMs = intervalMs * (0.75 + 0.25 * Math.random());
    this.#timer = setTimeout(() => void this.#runCheck(), delayMs).unref();
  }

  async #runCheck(): Promise<void> {
    const { signal } = this.#stopping;
    // A check that was cancelled may still be closing its connection.
    await this.#checking;
    if (signal.aborted) return;
    this.#checking = this.#check(signal).finally(() => {
      this.#checking = undefined;
    });
    await this.#checking;
    if (signal.aborted) return;
    this.#timer = undefined;
    this.#schedule();
  }

  async #check(signal: AbortSignal): Promise<void> {
    const sent = new Date();
    await Promise.all([...this.#members].map((member) => this.#askMember(member, signal)));
    const answer = await this.#ask(signal);
    if (signal.aborted) return;
    this.#replaceDemoted(answer);
    const members = [...this.#members].filter(({ isWrong }) => !isWrong);
    const { runId } = answer;
    if (answer.isUntold) this.#warnOfSilence();
    if (runId === undefined) return;
    const moved = members.filter(({ identity }) => isElsewhere(identity, answer));
    for (const member of members) {
      if (member.identity.runId === runId) member.lastConfirmed = sent;
    }
    if (moved.length === 0) this.#moves = 0;
    else await this.#onMoved(moved, runId, signal);
  }

  /** Another server answers: replaces the connections, unless several servers answer in turn. */
  async #onMoved(moved: readonly Member[], runId: string, signal: AbortSignal): Promise<void> {
    let isSingle = this.#moves < MAX_MOVES;
    for (let i = 0; isSingle && i < CONFIRMATIONS; i++) {
      const answer = await this.#ask(signal);
      if (signal.aborted) return;
      // Without an answer nothing is proved: the next check asks again.
      if (answer.runId === undefined) return;
      isSingle = answer.runId === runId;
    }
    if (!isSingle) {
      this.#turnOff();
      return;
    }
    this.#moves++;
    for (const member of moved) {
      const since = member.lastConfirmed.toISOString();
      this.#replace(
        member,
        `${this.#options.address} leads to another server now; messages since ${since} may be lost`,
      );
    }
  }

  /** A connection that cannot be made proves nothing. */
  #ask(signal: AbortSignal): Promise<ServerIdentity> {
    return this.#options.ask(signal).catch(() => ({}));
  }

  async #askMember(member: Member, signal: AbortSignal): Promise<void> {
    if (member.client.status !== 'ready') return;
    this.#learn(member, await within(askIdentity(member.client), signal));
  }

  #learn(member: Member, { runId, role }: ServerIdentity): void {
    const known = member.identity;
    member.identity = { runId: runId ?? known.runId, role: role ?? known.role };
    if (role === 'master') this.#hadMaster.add(member.client);
    if (role === 'replica' && !this.#hadMaster.has(member.client)) this.#warnOfReplica();
  }

  #replaceDemoted(answer: ServerIdentity): void {
    const members = [...this.#members];
    for (const member of members) {
      // A subscriber over RESP2 cannot be asked: a server is the same however it was reached.
      if (member.identity.runId !== undefined && member.identity.runId === answer.runId) {
        this.#learn(member, answer);
      }
    }
    const isKnown = members.some((member) => this.#isDemoted(member));
    for (const member of members) {
      // Without a run_id nothing tells which server a subscriber over RESP2 is at: most likely that of the others.
      const isLikely = isKnown && member.identity.runId === undefined;
      if (!this.#isDemoted(member) && !isLikely) continue;
      const since = member.lastConfirmed.toISOString();
      this.#demoted.add(member.client);
      this.#replace(member, `${this.#demotion}; messages since ${since} may be lost`);
    }
  }

  #isDemoted({ identity, client }: Member): boolean {
    return identity.role === 'replica' && this.#hadMaster.has(client);
  }

  #replace(member: Member, reason: string): void {
    if (member.isWrong || !this.#members.has(member)) return;
    member.isWrong = true;
    member.onWrongServer(reason);
  }

  get #demotion(): string {
    return `the server at ${this.#options.address} was a master, and is a replica now`;
  }

  get #waiting(): string {
    return `${this.#demotion}; waiting for a master`;
  }

  #warnOfReplica(): void {
    if (this.#hasWarnedOfReplica) return;
    this.#hasWarnedOfReplica = true;
    this.#options.log.warn(
      `The server at ${this.#options.address} is a replica: what this process publishes reaches only the subscribers of this replica; to reach all of them, connect to the master`,
    );
  }

  #warnOfSilence(): void {
    if (this.#hasWarnedOfSilence) return;
    this.#hasWarnedOfSilence = true;
    this.#options.log.warn(
      `The server at ${this.#options.address} does not tell its run_id with INFO: if the address leads to another server one day, the connections stay at the old one; allow the user INFO (+info), or set addressCheckInterval to 0`,
    );
  }

  #turnOff(): void {
    this.#isOff = true;
    this.#options.log.warn(
      `Several servers answer at ${this.#options.address}: publishers and subscribers may not reach each other. No further check of the address; connect to one server, or set addressCheckInterval to 0 if they are one`,
    );
  }
}

/** Whether the server that answers now has taken the place of another one. */
function isElsewhere(here: ServerIdentity, now: ServerIdentity): boolean {
  if (here.runId === undefined || here.runId === now.runId) return false;
  return now.role !== 'replica' || here.role === 'replica';
}

/** The answer, or nothing when it takes too long: a user's own client may wait for ever. */
async function within(
  answer: Promise<ServerIdentity>,
  signal: AbortSignal,
): Promise<ServerIdentity> {
  let stop!: () => void;
  const stopped = new Promise<ServerIdentity>((resolve) => {
    stop = () => resolve({});
  });
  const timer = setTimeout(stop, ANSWER_TIMEOUT_MS).unref();
  signal.addEventListener('abort', stop);
  return Promise.race([answer, stopped]).finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  });
}
