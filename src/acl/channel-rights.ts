import { ChannelPattern } from '../channel/channel-pattern.js';
import { literalGlob, matchTokens, parseGlob, toByteString } from '../channel/glob.js';
import type { SubscriptionKind } from '../channel/subscription-key.js';
import { shorten } from '../errors.js';
import type { AclInstance, Needs } from './needs.js';
import type { Right } from './right.js';

/** All channels. Only this rule allows every PSUBSCRIBE, too. */
const ALL = '*';
/** The end of a name that only shows whether a rule is there. */
export const SAMPLE = 'acl-check';
/** Redis refuses a rule that has one of these. */
const WHITE_SPACE = /[\s\0]/g;

/** The rights to channels, and what they cannot express. */
export interface ChannelRights {
  readonly rights: readonly Right[];
  /** Redis' names of globs that no rule allows but `&*`. */
  readonly impossible: readonly string[];
}

/** A rule, and what it is for. */
interface ChannelRule extends Right {
  /** `all`: every name that begins so. */
  readonly kind: SubscriptionKind | 'all';
  /** The name or the glob as it is used; of `all` the beginning. */
  readonly name: string;
}

/**
 * The rights to channels. Redis allows a PSUBSCRIBE only to globs that are among the rules letter by letter, and any
 * other command to the channels that a rule matches. So a literal that another rule matches needs none of its own.
 *
 * @param channels - Patterns of the channels that the application publishes to, or observes at run time. `undefined`:
 * all channels below the prefix.
 */
export function channelRights(
  instances: readonly AclInstance[],
  needs: Needs,
  channels: readonly string[] | undefined,
): ChannelRights {
  const rules = new ChannelRules(needs);
  for (const { prefix, handlers, access } of instances) {
    if (!channels) rules.addAll(prefix, 'messages at run time');
    for (const channel of channels ?? []) rules.addRunTime(prefix, channel);
    for (const { subscription, name, pattern } of handlers) {
      rules.add(subscription, name, `the handler of "${shorten(pattern)}"`);
    }
    for (const glob of access.globs) rules.add('pattern', glob, 'an observer');
  }
  for (const { access } of instances) addReserved(rules, access, needs);
  return { rights: rules.rights(), impossible: [...rules.impossible] };
}

function addReserved(
  rules: ChannelRules,
  { reservedSegment, introspectionChannel, adapterChannels }: AclInstance['access'],
  { inboxes, cancellations, probes }: Needs,
): void {
  if (inboxes) rules.addAll(`${reservedSegment}.inbox.`, 'replies');
  if (cancellations) rules.add('channel', `${reservedSegment}.cancel`, 'cancelled requests');
  if (probes) rules.addAll(`${reservedSegment}.probe.`, 'the delivery probe');
  if (introspectionChannel !== '') {
    rules.add('channel', introspectionChannel, 'questions of PubSubInspector');
  }
  for (const start of adapterChannels) {
    // Any client may have answered for the instance.
    if (start.startsWith(`${reservedSegment}.`)) rules.addAll(start, 'the adapter of Socket.IO');
  }
}

/** Collects rules, each once, and leaves out those that another one includes. */
class ChannelRules {
  readonly impossible = new Set<string>();
  readonly #needs: Needs;
  readonly #byRule = new Map<string, ChannelRule>();

  constructor(needs: Needs) {
    this.#needs = needs;
  }

  /** All channels whose names begin with this text. */
  addAll(name: string, reason: string): void {
    const command = this.#commandFor('channel', name + SAMPLE);
    this.#push({ rule: `&${ruleOf(name)}${ALL}`, reason, command, kind: 'all', name });
  }

  /** A channel or a pattern as applications write it. */
  addRunTime(prefix: string, source: string): void {
    const pattern = ChannelPattern.parse(source);
    this.add(pattern.kind, pattern.withPrefix(prefix), `"${shorten(source)}" at run time`);
  }

  /** What is subscribed to, by Redis' name. */
  add(kind: SubscriptionKind, name: string, reason: string): void {
    const isImpossible = kind === 'pattern' && name.search(WHITE_SPACE) >= 0;
    if (isImpossible) this.impossible.add(name);
    const rule = `&${kind === 'pattern' ? name : ruleOf(name)}`;
    const command = this.#commandFor(kind, name);
    if (!isImpossible) this.#push({ rule, reason, command, kind, name });
  }

  rights(): Right[] {
    const all = this.#byRule.get(`&${ALL}`);
    if (all) this.impossible.clear();
    const rules = all ? [all] : [...this.#byRule.values()];
    return rules
      .filter((rule) => !rules.some((other) => other !== rule && includes(other, rule)))
      .map(({ rule, reason, command }) => ({ rule, reason, command }));
  }

  #push(rule: ChannelRule): void {
    if (!this.#byRule.has(rule.rule)) this.#byRule.set(rule.rule, rule);
  }

  /** Uses a command that the service may call, where there is a choice. */
  #commandFor(kind: SubscriptionKind, name: string): Right['command'] {
    if (kind === 'pattern') return ['PSUBSCRIBE', name];
    const { subscribe, ssubscribe, publish } = this.#needs;
    if (kind === 'shard' || (ssubscribe && !subscribe)) return ['SSUBSCRIBE', name];
    return subscribe || !publish ? ['SUBSCRIBE', name] : ['PUBLISH', name, ''];
  }
}

/** The rule for a text. Redis refuses white space in it; `?` stands for any character. */
export function ruleOf(text: string): string {
  return literalGlob(text).replaceAll(WHITE_SPACE, '?');
}

/** Whether a rule allows all that another one does. No rule but `&*` allows a PSUBSCRIBE that is not its own. */
function includes(one: ChannelRule, { kind, name }: ChannelRule): boolean {
  if (kind === 'pattern') return false;
  if (kind === 'all') return one.kind === 'all' && name.startsWith(one.name);
  return matchTokens(parseGlob(one.rule.slice(1)), toByteString(name)) !== undefined;
}
