import { ChannelPattern } from '../channel/channel-pattern.js';
import { matchTokens, parseGlob, toByteString } from '../channel/glob.js';
import type { TelemetryEvents } from '../telemetry.js';

type Declaration = TelemetryEvents['declare'];

/** How many channels are remembered with their patterns. */
const MAX_CHANNELS = 10_000;
/** Longer names are not remembered: 10,000 of the longest ones would take a gigabyte. */
const MAX_REMEMBERED_LENGTH = 256;

/** The patterns of one transport. */
interface Declared {
  readonly patterns: Set<string>;
  /** The first pattern of each subscription, by Redis' name. */
  readonly bySubscription: Map<string, string>;
}

/** A pattern that is no literal. */
interface DeclaredGlob {
  readonly pattern: string;
  readonly name: string;
  /** Whether it matches a channel by Redis' name, prefix included. */
  matches(channel: string): boolean;
}

const NONE: ReadonlyMap<string, string> = new Map();

/** The patterns of the handlers in controllers and providers: the values of labels, whose number has a limit. */
export class DeclaredPatterns {
  readonly #byTransport = new Map<string, Declared>();
  readonly #literals = new Map<string, string>();
  /** The longest glob first: `order.*` tells more than `*`. */
  #globs: readonly DeclaredGlob[] = [];
  readonly #byChannel = new Map<string, string | undefined>();

  add({ transport, pattern, kind, name }: Declaration): void {
    const declared = this.#byTransport.get(transport) ?? {
      patterns: new Set(),
      bySubscription: new Map(),
    };
    this.#byTransport.set(transport, declared);
    declared.patterns.add(pattern);
    if (!declared.bySubscription.has(name)) declared.bySubscription.set(name, pattern);
    if (kind === 'pattern') this.#addGlob(pattern, name);
    else if (!this.#literals.has(name)) this.#literals.set(name, pattern);
    this.#byChannel.clear();
  }

  /** Whether a handler of the transport has the pattern. */
  has(transport: string, pattern: string): boolean {
    return this.#byTransport.get(transport)?.patterns.has(pattern) === true;
  }

  /** The patterns of a transport, by the names of their subscriptions at Redis. */
  subscriptionsOf(transport: string): ReadonlyMap<string, string> {
    return this.#byTransport.get(transport)?.bySubscription ?? NONE;
  }

  /** The names of the transports that have handlers. */
  get transports(): Iterable<string> {
    return this.#byTransport.keys();
  }

  /** The pattern that matches a channel by Redis' name: the literal, or the longest glob. */
  match(channel: string): string | undefined {
    const known = this.#byChannel.get(channel);
    if (known !== undefined || this.#byChannel.has(channel)) return known;
    const found =
      this.#literals.get(channel) ?? this.#globs.find((glob) => glob.matches(channel))?.pattern;
    if (channel.length > MAX_REMEMBERED_LENGTH) return found;
    if (this.#byChannel.size >= MAX_CHANNELS) this.#byChannel.clear();
    this.#byChannel.set(channel, found);
    return found;
  }

  clear(): void {
    this.#byTransport.clear();
    this.#literals.clear();
    this.#globs = [];
    this.#byChannel.clear();
  }

  #addGlob(pattern: string, name: string): void {
    if (this.#globs.some((glob) => glob.name === name && glob.pattern === pattern)) return;
    const globs = [...this.#globs, createGlob(pattern, name)];
    this.#globs = globs.toSorted((one, other) => other.name.length - one.name.length);
  }
}

function createGlob(pattern: string, name: string): DeclaredGlob {
  const parsed = ChannelPattern.parse(pattern);
  const tokens = parseGlob(name);
  const prefix = prefixOf(name, parsed.name);
  const matchesName = (channel: string): boolean =>
    channel.startsWith(prefix) && matchTokens(tokens, toByteString(channel)) !== undefined;
  const matches = parsed.hasParams
    ? (channel: string) =>
        matchesName(channel) && parsed.match(channel.slice(prefix.length)) !== undefined
    : matchesName;
  return { pattern, name, matches };
}

/** The prefix of a subscription, whose glob has it escaped. */
function prefixOf(name: string, glob: string): string {
  return name.slice(0, name.length - glob.length).replaceAll(/\\(.)/gs, '$1');
}
