import type { HandlerInfo, InstanceAccess, InstanceInfo } from '../introspection/instance-types.js';

/** What an instance has told of itself: all that its ACL follows from. */
export type AclInstance = Pick<InstanceInfo, 'prefix' | 'handlers' | 'access'>;

/** What an application may do later, which its instances have not done yet. */
export const LATER_USES = ['request', 'query', 'inspect', 'shard', 'history', 'recover'] as const;

/** One of {@link LATER_USES}. */
export type LaterUse = (typeof LATER_USES)[number];

/** What the instances of one service need of Redis together. */
export interface Needs {
  /** The commands of classic Pub/Sub, which probes and replies need, too. */
  readonly publish: boolean;
  readonly subscribe: boolean;
  readonly psubscribe: boolean;
  /** Those of sharded Pub/Sub. */
  readonly spublish: boolean;
  readonly ssubscribe: boolean;
  /** Whether replies are received or sent. Answers to `PubSubInspector` count. */
  readonly inboxes: boolean;
  /** Whether requests are cancelled, at either end. */
  readonly cancellations: boolean;
  readonly probes: boolean;
  /** Queries of classic channels, of shard channels, and of patterns. */
  readonly queries: boolean;
  readonly shardQueries: boolean;
  readonly patternCount: boolean;
  readonly scripts: boolean;
  /** Claims of handlers with a `group`. */
  readonly claims: boolean;
  /** Whether it publishes messages with history, and whether it reads histories. */
  readonly keepsHistory: boolean;
  readonly readsHistory: boolean;
  readonly cluster: boolean;
  /** What options of the connection ask for. */
  readonly selects: boolean;
  readonly setsName: boolean;
  readonly readOnly: boolean;
  readonly readsConfig: boolean;
  readonly setsConfig: boolean;
}

/** What the caller knows of a service, besides what its instances tell. */
export interface KnownUses {
  readonly later: ReadonlySet<LaterUse>;
  /** Whether it publishes messages of its own. Probes and replies do not count. */
  readonly publishes: boolean;
}

/** Joins what the instances of one service have told, and what the application may do later. */
export function needsOf(instances: readonly AclInstance[], known: KnownUses): Needs {
  const needs = instances.map((instance) => needsOfOne(instance, known));
  const [first] = needs;
  if (!first) return NOTHING;
  const names = Object.keys(first) as (keyof Needs)[];
  const joined = names.map((name) => [name, needs.some((it) => it[name])]);
  return Object.fromEntries(joined) as Record<keyof Needs, boolean>;
}

function needsOfOne({ handlers, access }: AclInstance, known: KnownUses): Needs {
  const { later } = known;
  const classic = classicNeeds(handlers, access, known);
  const sharded = shardNeeds(handlers, access, later);
  const requests = anyOf(access.requests, later.has('request'));
  const inspects = later.has('inspect');
  const queries = later.has('query');
  const keepsHistory = anyOf(access.keepsHistory, later.has('history'));
  const notify = handlers.some(({ kind }) => kind === 'key') ? access.notify : 'ignore';
  return {
    ...classic,
    ...sharded,
    inboxes: anyOf(requests, access.replies, isInspected(access), inspects),
    cancellations: anyOf(requests, access.replies),
    probes: access.probes,
    queries: anyOf(inspects, queries && !access.sharded),
    shardQueries: anyOf(inspects, queries && access.sharded),
    patternCount: anyOf(inspects, queries),
    scripts: anyOf(access.batchPublishes, keepsHistory),
    claims: access.groups,
    keepsHistory,
    readsHistory: anyOf(access.readsHistory, later.has('recover')),
    cluster: access.topology === 'cluster',
    selects: access.handshake.includes('select'),
    setsName: access.handshake.includes('setname'),
    readOnly: access.handshake.includes('readonly'),
    readsConfig: notify !== 'ignore',
    setsConfig: notify === 'set',
  };
}

function classicNeeds(
  handlers: readonly HandlerInfo[],
  access: InstanceAccess,
  known: KnownUses,
): Pick<Needs, 'publish' | 'subscribe' | 'psubscribe'> {
  const has = (kind: string): boolean => handlers.some((it) => it.subscription === kind);
  const psubscribe = anyOf(access.subscribesPatterns, has('pattern'));
  // Replies to sharded requests arrive on shard channels.
  const inspects = known.later.has('inspect');
  const asks = anyOf(access.requests, known.later.has('request'), inspects);
  const requests = !access.sharded && asks;
  const answers = access.replies && anyOf(has('channel'), has('pattern'));
  const inspected = !access.sharded && isInspected(access);
  const listens = anyOf(access.subscribes, has('channel'), requests, answers, inspected);
  const probes = access.probes && anyOf(psubscribe, listens);
  const publishes = !access.sharded && known.publishes;
  return {
    publish: anyOf(access.publishes, publishes, requests, answers, probes, inspected, inspects),
    subscribe: anyOf(listens, probes),
    psubscribe,
  };
}

function shardNeeds(
  handlers: readonly HandlerInfo[],
  access: InstanceAccess,
  later: ReadonlySet<LaterUse>,
): Pick<Needs, 'spublish' | 'ssubscribe'> {
  const isHandled = handlers.some(({ subscription }) => subscription === 'shard');
  const isUsed = anyOf(access.sharded, access.subscribesSharded, later.has('shard'), isHandled);
  // A question goes to instances with shard channels, too.
  const publishes = anyOf(access.publishesSharded, later.has('inspect'));
  return { spublish: anyOf(isUsed, publishes), ssubscribe: isUsed };
}

function anyOf(...facts: readonly boolean[]): boolean {
  return facts.includes(true);
}

/** Whether it answers `PubSubInspector`. */
function isInspected({ introspectionChannel }: InstanceAccess): boolean {
  return introspectionChannel !== '';
}

const NOTHING: Needs = {
  publish: false,
  subscribe: false,
  psubscribe: false,
  spublish: false,
  ssubscribe: false,
  inboxes: false,
  cancellations: false,
  probes: false,
  queries: false,
  shardQueries: false,
  patternCount: false,
  scripts: false,
  claims: false,
  keepsHistory: false,
  readsHistory: false,
  cluster: false,
  selects: false,
  setsName: false,
  readOnly: false,
  readsConfig: false,
  setsConfig: false,
};
