import type { Redis, RedisOptions } from 'ioredis';
import { askSentinels } from './ask-sentinels.js';

/**
 * A watch over the connections that are made with these options, where sentinels say where to; none
 * where replicas are wanted, of which any will do. `interval` in milliseconds.
 */
export function watchMaster(options: RedisOptions, interval: number): MasterWatch | undefined {
  if (!options.sentinels || options.role === 'slave') return undefined;
  return new MasterWatch({ interval, ask: (signal) => askSentinels(options, signal) });
}

/** Within this time a sentinel tells the others what it knows, in milliseconds: Redis' own choice. */
const HELLO_PERIOD = 2_000;

export interface MasterWatchOptions {
  /** How often the sentinels are asked, in milliseconds. */
  readonly interval: number;
  /** Where each sentinel says that the master is: `ip:port`, one for each address of it; `undefined`: no answer. */
  readonly ask: (signal: AbortSignal) => Promise<readonly (readonly string[] | undefined)[]>;
}

/** A connection that is watched. */
export interface Watched {
  /** Until when its server was the master for certain. */
  readonly asOf: Date;
  /** Resolves when it is watched no more, and nobody is asked on its behalf. */
  end(): Promise<void>;
}

interface Member {
  readonly client: Redis;
  readonly onElsewhere: () => void;
  asOf: Date;
}

/**
 * Finds connections to a server that is the master no longer. An old master goes on as if nothing
 * were, for ten seconds after an orderly failover and for as long as it is cut off from its
 * sentinels. ioredis waits to be told of failovers, over connections that may be dead: so they are
 * asked, too, over new ones.
 */
export class MasterWatch {
  readonly #options: MasterWatchOptions;
  readonly #members = new Set<Member>();
  #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #asking: Promise<void> | undefined;

  constructor(options: MasterWatchOptions) {
    this.#options = options;
  }

  /** Watches a connection that has just been made to what a sentinel named. */
  watch(client: Redis, onElsewhere: () => void): Watched {
    const member: Member = { client, onElsewhere, asOf: new Date() };
    this.#members.add(member);
    this.#timer ??= setInterval(() => this.#ask(), this.#options.interval).unref();
    return {
      get asOf() {
        return member.asOf;
      },
      end: () => this.#end(member),
    };
  }

  async #end(member: Member): Promise<void> {
    this.#members.delete(member);
    if (this.#members.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#stopping.abort();
    this.#stopping = new AbortController();
    await this.#asking;
  }

  #ask(): void {
    this.#asking ??= this.#round(this.#stopping.signal).finally(() => {
      this.#asking = undefined;
    });
  }

  async #round(signal: AbortSignal): Promise<void> {
    const sent = Date.now();
    const members = [...this.#members];
    const asked = await this.#options.ask(signal);
    const answers = asked.filter((answer) => answer !== undefined);
    if (signal.aborted || answers.length === 0) return;
    // Whoever does not answer may know of another master already.
    const asOf = new Date(answers.length < asked.length ? sent - HELLO_PERIOD : sent);
    for (const member of members) {
      if (this.#members.has(member)) judge(member, answers, asOf);
    }
  }
}

function judge(member: Member, answers: readonly (readonly string[])[], asOf: Date): void {
  const { remoteAddress = '', remotePort } = member.client.stream;
  const here = `${remoteAddress.replace(/^::ffff:/, '')}:${remotePort}`;
  const agreeing = answers.filter((addresses) => addresses.includes(here)).length;
  if (agreeing === answers.length) {
    if (asOf > member.asOf) member.asOf = asOf;
    return;
  }
  // One alone may be cut off, and have the news of yesterday.
  if (agreeing < answers.length / 2) member.onElsewhere();
}
