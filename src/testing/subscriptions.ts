import { matchTokens, parseGlob, toByteString, type GlobToken } from '../channel/glob.js';
import type {
  ChannelKind,
  SubscriptionKey,
  SubscriptionKind,
} from '../channel/subscription-key.js';

/** The sessions that are subscribed to one name, in the order of their subscriptions. */
type Sessions<Session> = Set<Session>;

/** The subscriptions of a server, and which of them a message reaches: as Redis has it. */
export class Subscriptions<Session> {
  readonly #names: Readonly<Record<SubscriptionKind, Map<string, Sessions<Session>>>> = {
    channel: new Map(),
    pattern: new Map(),
    shard: new Map(),
  };
  readonly #globs = new Globs();

  add({ kind, name }: SubscriptionKey, session: Session): void {
    const names = this.#names[kind];
    const sessions = names.get(name) ?? new Set();
    names.set(name, sessions.add(session));
  }

  remove({ kind, name }: SubscriptionKey, session: Session): void {
    const sessions = this.#names[kind].get(name);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#names[kind].delete(name);
  }

  /** Removes every subscription of a session. */
  removeAll(session: Session): void {
    for (const kind of Object.keys(this.#names) as SubscriptionKind[]) {
      for (const name of this.#names[kind].keys()) this.remove({ kind, name }, session);
    }
  }

  /** The subscriptions of a session. */
  of(session: Session): SubscriptionKey[] {
    return (Object.keys(this.#names) as SubscriptionKind[]).flatMap((kind) =>
      [...this.#names[kind]]
        .filter(([, sessions]) => sessions.has(session))
        .map(([name]) => ({ kind, name })),
    );
  }

  /** Calls `visit` for each subscription that a message reaches: those of the channel first, as in Redis. */
  reach(
    channel: string,
    kind: ChannelKind,
    visit: (key: SubscriptionKey, session: Session) => void,
  ): void {
    const literal = { kind, name: channel };
    for (const session of this.#names[kind].get(channel) ?? []) visit(literal, session);
    if (kind === 'shard') return;
    for (const [name, sessions] of this.#names.pattern) {
      if (!this.#globs.matches(name, channel)) continue;
      for (const session of sessions) visit({ kind: 'pattern', name }, session);
    }
  }

  /** PUBSUB CHANNELS, or SHARDCHANNELS. */
  channels(glob: string, kind: ChannelKind): string[] {
    return [...this.#names[kind].keys()].filter((name) => this.#globs.matches(glob, name));
  }

  /** PUBSUB NUMSUB, or SHARDNUMSUB, for one channel. */
  count(channel: string, kind: ChannelKind): number {
    return this.#names[kind].get(channel)?.size ?? 0;
  }

  /** PUBSUB NUMPAT. */
  get patterns(): number {
    return this.#names.pattern.size;
  }
}

/** Globs, each parsed once. */
class Globs {
  readonly #parsed = new Map<string, readonly GlobToken[]>();

  matches(glob: string, channel: string): boolean {
    let tokens = this.#parsed.get(glob);
    if (!tokens) this.#parsed.set(glob, (tokens = parseGlob(glob)));
    return matchTokens(tokens, toByteString(channel)) !== undefined;
  }
}
