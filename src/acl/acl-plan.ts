import { channelRights, type ChannelRights } from './channel-rights.js';
import { commandRights } from './command-rights.js';
import { keyRights } from './key-rights.js';
import { needsOf, type AclInstance, type LaterUse } from './needs.js';
import type { Right, ServerVersion } from './right.js';

/** What an ACL is computed with, besides what the instances tell. */
export interface AclPlanOptions {
  /** The version of Redis: a line with a rule that it does not know is refused. */
  readonly version: ServerVersion;
  /** What the application may do later. */
  readonly later?: ReadonlySet<LaterUse>;
  /**
   * Patterns, below the prefix, of the channels that the application publishes to or observes at run time. Without them
   * these are all channels below the prefix.
   */
  readonly channels?: readonly string[] | undefined;
}

/** The least privilege of one service. */
export interface AclPlan extends Pick<ChannelRights, 'impossible'> {
  /** Channels first, then commands, then keys. Each is needed. */
  readonly rights: readonly Right[];
}

/**
 * The rights that a service needs, and no others. Pure: it follows from what the instances of the service have told, and
 * from what the caller knows besides.
 *
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/
 */
export function planAcl(
  instances: readonly AclInstance[],
  { version, later = new Set(), channels }: AclPlanOptions,
): AclPlan {
  const publishes = channels === undefined || channels.length > 0;
  const needs = needsOf(instances, { later, publishes });
  const { rights, impossible } = channelRights(instances, needs, channels);
  const all = [...rights, ...commandRights(needs, version), ...keyRights(instances, needs)];
  return { rights: all, impossible };
}

/** The arguments of the ACL command that gives a user exactly these rights. It keeps the passwords. */
export function setUser(user: string, rights: readonly Right[]): string[] {
  // In this order: a later rule overrides an earlier one.
  const start = ['SETUSER', user, 'on', 'resetkeys', 'resetchannels', '-@all'];
  return [...start, ...rights.map(({ rule }) => rule)];
}

/** The arguments of the ACL command that adds rights to a user. */
export function addRights(user: string, rights: readonly Right[]): string[] {
  return ['SETUSER', user, ...rights.map(({ rule }) => rule)];
}

/** An ACL command as a line for redis-cli, which reads quotes as C does. */
export function redisLine(args: readonly string[]): string {
  return ['ACL', ...args].map(quoteForRedis).join(' ');
}

/** An ACL command as a line for a shell. */
export function shellLine(args: readonly string[]): string {
  return ['redis-cli', 'ACL', ...args].map(quoteForShell).join(' ');
}

/** Characters that would act on a terminal, or that a line cannot have. */
const UNPRINTABLE = /[\p{C}\u2028\u2029]/gu;

function quoteForRedis(arg: string): string {
  if (arg !== '' && arg.search(/["'\s]/) < 0 && arg.search(UNPRINTABLE) < 0) return arg;
  const text = arg.replaceAll(/["\\]/g, String.raw`\$&`);
  return `"${text.replaceAll(UNPRINTABLE, escapeBytes)}"`;
}

function quoteForShell(arg: string): string {
  if (/^[\w@%+=:,./-]+$/.test(arg)) return arg;
  if (arg.search(UNPRINTABLE) < 0) return `'${arg.replaceAll("'", String.raw`'\''`)}'`;
  const text = arg.replaceAll(/['\\]/g, String.raw`\$&`);
  return `$'${text.replaceAll(UNPRINTABLE, escapeBytes)}'`;
}

function escapeBytes(character: string): string {
  const bytes = [...Buffer.from(character)];
  return bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}
