import { types } from 'node:util';
import type { Logger } from '@nestjs/common';
import type { ChannelKind } from '../channel/subscription-key.js';
import { adviceForLiteral, adviceForPattern } from '../channel/pattern-advice.js';
import { shorten } from '../errors.js';
import { RateLimitedLog } from '../shared/rate-limited-log.js';

/** The most names that are warned about: they may be built from the ids of users. */
const MAX_WARNINGS = 100;

const REGEXP = 'a RegExp is no pattern, and matches no channel; write a glob as text';

const NO_PATTERN =
  'it is no pattern, and its handler receives no messages; write a name or a glob as text';

/** Logs a warning, once for each name, where a pattern or a channel may not mean what it says. Never throws. */
export class PatternWarnings {
  readonly #logger: Pick<Logger, 'warn'>;
  /** For channels. Patterns are in the source code: each is named at the start. */
  readonly #log: RateLimitedLog;
  readonly #known = new Set<string>();
  #lastPublished: string | undefined;

  constructor(logger: Pick<Logger, 'warn'>) {
    this.#logger = logger;
    this.#log = new RateLimitedLog(
      (line) => logger.warn(line),
      (count) => `${count} more warnings about patterns`,
    );
  }

  /** Checks a pattern of any type. `owner` is the method that has it, such as `UserEvents.onUser`. */
  checkPattern(pattern: unknown, isSharded: boolean, owner?: string): void {
    const name = nameOf(pattern);
    if (name === undefined) return;
    const advice =
      typeof pattern === 'string' ? adviceForPattern(name, isSharded) : adviceFor(pattern);
    if (advice === undefined) return;
    const of = owner === undefined ? '' : ` of ${owner}`;
    if (!this.#isNew(name)) return;
    this.#logger.warn(`The pattern "${shorten(name)}"${of} may not mean what it says: ${advice}`);
  }

  /** Checks a channel that is observed, or whose subscribers are counted. */
  checkObserved(channel: string, isSharded: boolean): void {
    const advice = adviceForLiteral(channel, isSharded);
    if (advice === undefined) return;
    if (!this.#isNew(channel)) return;
    this.#log.add(
      () =>
        `"${shorten(channel)}" is taken as the name of one channel: ${advice}. Use observePattern or subscribePattern for a pattern, buildChannel for a name with values, and encodeSegment for values with such characters`,
    );
  }

  /** Checks a channel that a message is published to. Runs for every message. */
  checkPublished(channel: string, kind: ChannelKind): void {
    if (channel === this.#lastPublished) return;
    this.#lastPublished = channel;
    const advice = adviceForLiteral(channel, kind === 'shard');
    if (advice === undefined) return;
    if (!this.#isNew(channel)) return;
    this.#log.add(
      () =>
        `A message was sent to the one channel with the name "${shorten(channel)}": ${advice}. Messages cannot be sent to a pattern; use buildChannel for a name with values, and encodeSegment for values with such characters`,
    );
  }

  #isNew(name: string): boolean {
    if (this.#known.size >= MAX_WARNINGS || this.#known.has(name)) return false;
    this.#known.add(name);
    return true;
  }
}

/** The name of a pattern that can be warned about; `undefined` for numbers, and objects that say something. */
function nameOf(pattern: unknown): string | undefined {
  if (typeof pattern === 'string') return pattern;
  if (types.isRegExp(pattern)) return String(pattern);
  if (Array.isArray(pattern)) return pattern.length === 0 ? '[]' : 'an array in an array';
  return isBuiltIn(pattern) ? Object.prototype.toString.call(pattern) : undefined;
}

function adviceFor(pattern: unknown): string {
  return types.isRegExp(pattern) ? REGEXP : NO_PATTERN;
}

/** Whether Nest would read `{}` from an object that is more than that, such as a Date or a Map. */
function isBuiltIn(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = prototype === null || prototype === Object.prototype;
  return !isPlain && Object.keys(value).length === 0;
}
