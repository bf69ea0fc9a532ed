import type { BrokerLog } from '../broker.js';
import type { ServerInfo } from '../connection/ioredis-internals.js';

/** So many patterns of one process are most likely one for each user or connection. */
const MAX_OWN = 200;

/** With so many patterns a PUBLISH that matches none of them takes tens of times as long. */
const MAX_OF_ALL_CLIENTS = 1_000;

/**
 * Warns of patterns that slow Redis down: it compares each published message with every different pattern of all
 * its clients. Each warning is logged once.
 *
 * @see https://redis.io/docs/latest/commands/psubscribe/
 */
export class PatternLoad {
  readonly #log: BrokerLog;
  #hasWarnedOfOwn = false;
  #hasWarnedOfAll = false;

  constructor(log: BrokerLog) {
    this.#log = log;
  }

  /** The subscriber holds this many different patterns. */
  onOwn(patterns: number): void {
    if (patterns <= MAX_OWN || this.#hasWarnedOfOwn) return;
    this.#hasWarnedOfOwn = true;
    this.#log.warn(
      `This process subscribes to more than ${MAX_OWN} different patterns, and Redis compares each message with every pattern. Use literal channels for users and connections, and patterns for services`,
    );
  }

  /** A connection is ready. */
  onInfo({ pubsub_patterns: patterns }: ServerInfo): void {
    if (this.#hasWarnedOfAll || !(Number(patterns) > MAX_OF_ALL_CLIENTS)) return;
    this.#hasWarnedOfAll = true;
    this.#log.warn(
      `Redis holds ${patterns} different patterns of its clients, and compares each message with every one. Use literal channels for users and connections, and patterns for services`,
    );
  }
}
