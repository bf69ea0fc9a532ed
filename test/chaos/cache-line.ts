import { setImmediate } from 'node:timers/promises';
import type { RedisPubSubService } from 'nestjs-redis-pubsub';
import { LocalCache, type ServiceOfCache } from 'nestjs-redis-pubsub/cache';
import { blind } from '../conformance/blind-service.js';
import { eventually } from '../support/redis.js';

const KEY = 'value';
/** The times of delivery are whole milliseconds. */
const ROUNDING_MS = 1;

/** A write whose `invalidate` has resolved. */
interface Commit {
  readonly version: number;
  readonly at: number;
}

/** A value that was read later than the bound allows. */
export interface Violation {
  readonly cache: string;
  readonly version: number;
  readonly expected: number;
  /** How long ago the `invalidate` of the expected version resolved, in milliseconds. */
  readonly age: number;
}

/** A cache whose reads are compared with the writes. */
interface CheckedCache {
  readonly name: string;
  readonly cache: LocalCache<number>;
  readonly violations: Violation[];
}

/** The options that all caches of a line share. */
export interface CacheLineOptions {
  readonly channel: string;
  readonly sharded: boolean;
}

/**
 * One value of a database, and the caches that hold it: one instance writes it, both read it. It has a channel of its own,
 * so that no message of another value shows that one of its own was lost.
 */
export class CacheLine {
  readonly channel: string;
  /** How often the reader answered from its memory. */
  hits = 0;
  readonly #writer: CheckedCache;
  readonly #reader: CheckedCache;
  /** In the instance of the reader: looks at no status, and learns of no gap and no loss. */
  readonly #blind: CheckedCache;
  #version = 0;
  /** The last commit that every read has to know, and those after it. */
  #commits: Commit[] = [];
  #writing: Promise<boolean> | undefined;

  constructor(writer: RedisPubSubService, reader: RedisPubSubService, options: CacheLineOptions) {
    this.channel = options.channel;
    const open = (name: string, service: ServiceOfCache): CheckedCache => ({
      name: `the ${name} of ${options.channel}`,
      cache: new LocalCache<number>(service, options),
      violations: [],
    });
    this.#writer = open('writer', writer);
    this.#reader = open('reader', reader);
    this.#blind = open('blind reader', blind(reader));
  }

  get violations(): readonly Violation[] {
    return [...this.#writer.violations, ...this.#reader.violations];
  }

  get violationsOfBlind(): readonly Violation[] {
    return this.#blind.violations;
  }

  /** Writes the value, and then invalidates it. Resolves to whether it is committed: without an answer nothing is promised. */
  write(): Promise<boolean> {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  /** Reads the value in each cache, and compares it with the writes. */
  async read(): Promise<void> {
    const readAt = performance.now();
    const due = readAt - this.#reader.cache.maxStaleness - ROUNDING_MS;
    const last = this.#commits.findLastIndex(({ at }) => at < due);
    if (last > 0) this.#commits.splice(0, last);
    const expected = last < 0 ? undefined : this.#commits[0];
    if (this.#reader.cache.peek(KEY) !== undefined) this.hits++;
    const checks = [this.#writer, this.#reader, this.#blind].map(async (it) => {
      const version = await it.cache.get(KEY, this.#load);
      if (!expected || version >= expected.version) return;
      const age = Math.round(readAt - expected.at);
      it.violations.push({ cache: it.name, version, expected: expected.version, age });
    });
    await Promise.all(checks);
  }

  /**
   * Resolves when a message that was published after the call has arrived at the reader, and all caches keep the value. An
   * instance does not notice what was lost before the first message of a writer.
   */
  async passesFromNowOn(): Promise<void> {
    const { cache } = this.#reader;
    for (let i = 0; i < 2; i++) {
      await eventually(() => this.write(), `Redis takes an invalidation of ${this.channel}`);
      await eventually(
        async () => (await cache.get(KEY, this.#load)) === this.#version,
        `the reader of ${this.channel} gets what was written`,
      );
      await eventually(async () => {
        await this.read();
        return [this.#writer, this.#reader, this.#blind].every(
          (it) => it.cache.peek(KEY) !== undefined,
        );
      }, `the caches of ${this.channel} keep the value`);
    }
  }

  async #write(): Promise<boolean> {
    const version = ++this.#version;
    try {
      await this.#writer.cache.invalidate(KEY);
      this.#commits.push({ version, at: performance.now() });
      return true;
    } catch {
      return false;
    }
  }

  readonly #load = async (): Promise<number> => {
    const version = this.#version;
    // An invalidation may arrive while a value loads.
    await setImmediate();
    return version;
  };
}
