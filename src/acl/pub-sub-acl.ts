import type { Redis } from 'ioredis';
import type { Broker, MasterAnswer } from '../broker/broker.js';
import { userOf } from '../broker/connection/ioredis-internals.js';
import { isTopologyProvider } from '../broker/topology-provider.js';
import {
  CommandRefusedError,
  InvalidOptionError,
  messageOf,
  MissingRightsError,
} from '../errors.js';
import { InstanceDescription } from '../introspection/instance-description.js';
import { StatusHistory } from '../introspection/status-history.js';
import { checkConnection } from '../options/connection-check.js';
import type { RedisPubSubOptions } from '../options/options.js';
import { assertOptionsObject } from '../options/resolve-options.js';
import { unknownName } from '../options/unknown-option.js';
import type { MessageBus } from '../transport/message-bus.js';
import { addRights, planAcl, redisLine } from './acl-plan.js';
import { LATER_USES, type AclInstance, type LaterUse } from './needs.js';
import type { Right } from './right.js';
import { askVersion, withBroker } from './with-broker.js';

/** How {@link PubSubAcl.assert} checks. */
export interface AssertAclOptions {
  /**
   * Where Redis is, with the login of a user that may call ACL DRYRUN, as in `connection`. Without it, the module's own
   * user is asked to check itself, which needs `+acl|dryrun`.
   *
   * @defaultValue none
   */
  readonly as?: RedisPubSubOptions['connection'];

  /**
   * The user that is checked.
   *
   * @defaultValue the user that the module logs in as
   */
  readonly user?: string;

  /**
   * The channels that the application publishes to, or observes at run time: patterns below the prefix.
   *
   * @defaultValue all channels below the prefix
   */
  readonly channels?: readonly string[];

  /**
   * What the application may do later, and has not done yet. `request` is for requests of its own. `query` is for
   * `channels`, `subscriberCounts` and `patternCount`. `inspect` is for `PubSubInspector`, and `shard` for sharded
   * channels. `history` is for messages with history that it publishes, and `recover` for histories that it reads.
   *
   * @defaultValue `[]`
   */
  readonly may?: readonly ('request' | 'query' | 'inspect' | 'shard' | 'history' | 'recover')[];
}

const NAMES = ['as', 'user', 'channels', 'may'] satisfies (keyof AssertAclOptions)[];
/** What Redis answers to a command that the user may not call, whatever its arguments are. */
const NOT_ALLOWED = /permissions to run/;
const DRYRUN_FROM = { major: 7, minor: 0 };

/**
 * Checks the rights of a module's user. Each `RedisPubSubModule` provides and exports one. The command line prints the
 * same rights: `npx nestjs-redis-pubsub acl`.
 *
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/
 */
export class PubSubAcl {
  readonly #bus: MessageBus;
  #description: InstanceDescription | undefined;

  /** @internal */
  constructor(bus: MessageBus) {
    this.#bus = bus;
  }

  /**
   * Tries each right that the module needs with ACL DRYRUN, which runs nothing; in a Cluster at each node that owns slots.
   * Call it after the start, when the handlers are known. It resolves when no right is missing, and at once over a Redis in
   * memory. It rejects with `MissingRightsError`, which has each missing right, and the line that adds them. It rejects
   * with `CommandRefusedError` where Redis cannot check: before 7.0, without `+acl|dryrun`, or for an unknown user. It
   * also rejects with `ConnectionError`, and with `InvalidOptionError`.
   *
   * @see https://redis.io/docs/latest/commands/acl-dryrun/
   */
  async assert(options: AssertAclOptions = {}): Promise<void> {
    checkOptions(options);
    if (isTopologyProvider(this.#bus.options.connection)) return;
    await this.#bus.startEarly();
    const { as } = options;
    if (as === undefined) await this.#assert(this.#bus.broker, options);
    else await withBroker({ connection: as }, (broker) => this.#assert(broker, options));
  }

  async #assert(broker: Broker, { user = this.#user, channels, may }: AssertAclOptions) {
    const version = (await askVersion(broker)) ?? DRYRUN_FROM;
    const { rights } = planAcl([this.#instance], { version, channels, later: new Set(may) });
    const missing = new Map<Right, string[]>();
    for (const right of rights) {
      const answers = await broker.callMasters('ACL', 'DRYRUN', user, ...right.command);
      for (const answer of answers) {
        if (!isGranted(right, answer)) addTo(missing, right, answer.address);
      }
    }
    if (missing.size === 0) return;
    const names = [...missing].map(([{ rule, reason }]) => `${rule} (${reason})`);
    const servers = [...new Set([...missing.values()].flat())];
    const line = redisLine(addRights(user, [...missing.keys()]));
    throw new MissingRightsError(user, servers, names, line);
  }

  /** With the option `credentials` it may change. */
  get #user(): string {
    const [client] = this.#bus.broker.clients() as readonly Redis[];
    return client ? userOf(client) : 'default';
  }

  get #instance(): AclInstance {
    const { options, broker } = this.#bus;
    // Its history listens to the broker for as long as that lives.
    this.#description ??= new InstanceDescription(this.#bus, new StatusHistory(broker));
    const { prefix, handlers, access } = this.#description.info();
    const { introspectionChannel } = access;
    const channel = options.introspection ? introspectionChannel : '';
    return { prefix, handlers, access: { ...access, introspectionChannel: channel } };
  }
}

/**
 * Whether a server allows the command. A right to a command is there although the channel of the trial is not allowed;
 * a right to a channel or a key is not known to be there where the command is not allowed.
 */
function isGranted({ rule }: Right, { address, answer, error }: MasterAnswer): boolean {
  if (error !== undefined) throw refusedDryRun(address, error);
  if (String(answer) === 'OK') return true;
  return rule.startsWith('+') && !NOT_ALLOWED.test(String(answer));
}

function refusedDryRun(address: string, error: unknown): unknown {
  if ((error as Error).name !== 'ReplyError') return error;
  const reply = messageOf(error);
  const why = EXPLANATIONS.find(([pattern]) => pattern.test(reply))?.[1];
  const cause = new Error(`${why ?? reply} (at ${address})`, { cause: error });
  return new CommandRefusedError('query', 'ACL DRYRUN', cause);
}

const EXPLANATIONS = [
  [
    /unknown (sub)?command/i,
    'it needs Redis 7.0 or Valkey, on a server that lets its users call ACL',
  ],
  [/^NOPERM/, 'the user needs +acl|dryrun; or give assert() another connection, as { as }'],
  [/user .* not found/i, 'Redis has no user of this name; set { user }'],
] as const;

function addTo(missing: Map<Right, string[]>, right: Right, address: string): void {
  const known = missing.get(right);
  if (known) known.push(address);
  else missing.set(right, [address]);
}

function checkOptions(options: AssertAclOptions): void {
  assertOptionsObject(options);
  const unknown = Object.keys(options).find((name) => !NAMES.some((known) => known === name));
  if (unknown !== undefined) throw unknownName('option of PubSubAcl.assert', unknown, NAMES);
  const { as, user, channels, may } = options;
  if (as !== undefined) checkConnection('as', as);
  if (user !== undefined && (typeof user !== 'string' || user === '')) {
    throw new InvalidOptionError('user', 'the name of a user of Redis', user);
  }
  checkTexts('channels', channels ?? [], 'channels or patterns');
  checkTexts('may', may ?? [], LATER_USES.join(', '), isLaterUse);
}

function checkTexts(
  name: string,
  value: unknown,
  what: string,
  isOne: (text: string) => boolean = () => true,
): void {
  const texts = Array.isArray(value) ? (value as unknown[]) : [undefined];
  if (texts.every((it) => typeof it === 'string' && isOne(it))) return;
  throw new InvalidOptionError(name, `an array of ${what}`, value);
}

function isLaterUse(text: string): text is LaterUse {
  return LATER_USES.some((use) => use === text);
}
