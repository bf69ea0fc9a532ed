import { isClient } from '../broker/connection/redis-connection.js';
import { InvalidOptionError } from '../errors.js';
import {
  checkAccepts,
  checkBoolean,
  checkCodec,
  checkCount,
  checkCredentials,
  checkGroup,
  checkHook,
  checkMilliseconds,
  checkName,
  checkOneOf,
  checkPrefix,
  checkPublishBuffer,
  checkPublishLimit,
  checkReservedSegment,
  checkTransportId,
  type HandlerGroup,
} from './option-checks.js';
import { assertCodecsDiffer, assertHasIds } from './codec-checks.js';
import { checkConnection } from './connection-check.js';
import { checkHistory } from './history-check.js';
import { nearestName } from '../shared/nearest-name.js';
import { onlyAddress, withoutText } from '../shared/clean-error.js';
import { unknownName, unknownOption } from './unknown-option.js';
import {
  REDIS_PUBSUB,
  type HandlerOptions,
  type RedisPubSubClientOptions,
  type RedisPubSubModuleOptions,
  type RedisPubSubServerOptions,
} from './options.js';

/** The classes that take options. */
export type OptionOwner =
  'RedisPubSubServer' | 'RedisPubSubClient' | 'RedisPubSubModule' | 'PubSubInspector';

type AnyOptions = RedisPubSubServerOptions & RedisPubSubClientOptions & RedisPubSubModuleOptions;

type OptionalResult = 'credentials' | 'history' | 'serializer' | 'deserializer';

/** Every option, checked, with its default in place. */
export type ResolvedOptions = Readonly<
  Required<Omit<AnyOptions, OptionalResult | 'publishBuffer' | 'publishLimit'>> & {
    [Name in OptionalResult]: AnyOptions[Name] | undefined;
  } & {
    publishBuffer: ReturnType<typeof checkPublishBuffer>;
    publishLimit: ReturnType<typeof checkPublishLimit>;
  }
>;

/** One option: which classes obey it, its default, and its check, which returns the value to use. */
interface OptionRule<Value> {
  readonly owners: readonly OptionOwner[];
  readonly default: Value;
  readonly check: (name: string, value: unknown) => Value;
}

/** The `name` of modules, servers and clients that are given none: different services have it. */
export const DEFAULT_NAME = 'redis-pubsub';
const BUFFER = { maxMessages: 1_000, maxAge: 2_000, maxBytes: 2 ** 26 };
const LIMIT = { maxMessages: 100_000, maxBytes: 2 ** 26 };

const ALL: readonly OptionOwner[] = ['RedisPubSubServer', 'RedisPubSubClient', 'RedisPubSubModule'];
const WITH_INSPECTOR: readonly OptionOwner[] = [...ALL, 'PubSubInspector'];
const LISTENING: readonly OptionOwner[] = ['RedisPubSubServer', 'RedisPubSubModule'];
const SENDING: readonly OptionOwner[] = ['RedisPubSubClient', 'RedisPubSubModule'];
const STANDALONE: readonly OptionOwner[] = ['RedisPubSubServer', 'RedisPubSubClient'];
const MODULE: readonly OptionOwner[] = ['RedisPubSubModule'];

const atLeast =
  (least: number) =>
  (name: string, value: unknown): number =>
    checkMilliseconds(name, value, least);

const OPTIONS: { readonly [Name in keyof ResolvedOptions]: OptionRule<ResolvedOptions[Name]> } = {
  name: { owners: WITH_INSPECTOR, default: DEFAULT_NAME, check: checkName },
  connection: { owners: WITH_INSPECTOR, default: 'redis://localhost:6379', check: checkConnection },
  credentials: { owners: WITH_INSPECTOR, default: undefined, check: checkCredentials },
  prefix: { owners: WITH_INSPECTOR, default: '', check: checkPrefix },
  codec: { owners: ALL, default: 'envelope', check: checkCodec },
  accepts: { owners: ALL, default: [], check: checkAccepts },
  messageIds: { owners: ALL, default: true, check: checkBoolean },
  history: { owners: ALL, default: undefined, check: checkHistory },
  sharded: { owners: ALL, default: false, check: checkBoolean },
  maxPayloadBytes: {
    owners: ALL,
    default: Infinity,
    check: (name, value) => checkCount(name, value, 1),
  },
  reservedSegment: { owners: WITH_INSPECTOR, default: '_pubsub', check: checkReservedSegment },
  publishBuffer: {
    owners: ALL,
    default: BUFFER,
    check: (name, value) => checkPublishBuffer(name, value, BUFFER),
  },
  publishLimit: {
    owners: ALL,
    default: LIMIT,
    check: (name, value) => checkPublishLimit(name, value, LIMIT),
  },
  batchPublishes: { owners: ALL, default: false, check: checkBoolean },
  pingInterval: { owners: ALL, default: 3_000, check: atLeast(1) },
  pingTimeout: { owners: ALL, default: 3_000, check: atLeast(1) },
  probeInterval: { owners: ALL, default: 5_000, check: atLeast(0) },
  addressCheckInterval: { owners: ALL, default: 30_000, check: atLeast(0) },
  onStart: {
    owners: LISTENING,
    default: 'wait',
    check: (name, value) => checkOneOf(name, value, ['wait', 'fail', 'background']),
  },
  startTimeout: { owners: LISTENING, default: 30_000, check: atLeast(0) },
  shutdownTimeout: { owners: LISTENING, default: 5_000, check: atLeast(0) },
  transportId: { owners: LISTENING, default: REDIS_PUBSUB, check: checkTransportId },
  notify: {
    owners: LISTENING,
    default: 'check',
    check: (name, value) => checkOneOf(name, value, ['check', 'set', 'ignore']),
  },
  introspection: { owners: LISTENING, default: true, check: checkBoolean },
  requestTimeout: { owners: SENDING, default: 30_000, check: atLeast(0) },
  replies: {
    owners: SENDING,
    default: 'inbox',
    check: (name, value) => checkOneOf(name, value, ['inbox', 'compat']),
  },
  serializer: {
    owners: STANDALONE,
    default: undefined,
    check: (name, value) => checkHook(name, value, 'serialize'),
  },
  deserializer: {
    owners: STANDALONE,
    default: undefined,
    check: (name, value) => checkHook(name, value, 'deserialize'),
  },
  inheritAppConfig: { owners: MODULE, default: true, check: checkBoolean },
  handlers: { owners: MODULE, default: true, check: checkBoolean },
};

/**
 * Checks the options of a class, and adds the defaults. An option with the value `undefined` counts as not given,
 * except `connection`.
 *
 * @throws InvalidOptionError for a wrong value, and for an option that the class does not obey
 */
export function resolveOptions(owner: OptionOwner, options: object = {}): ResolvedOptions {
  assertOptionsObject(options);
  const given: Readonly<Record<string, unknown>> = Object.fromEntries(Object.entries(options));
  for (const name of Object.keys(given)) assertOwned(owner, name, given[name]);
  // A missing variable must not be localhost.
  if ('connection' in given && given.connection === undefined)
    checkConnection('connection', undefined);
  const resolved = Object.fromEntries(
    Object.entries(OPTIONS).map(([name, rule]) => {
      const value = given[name];
      return [name, value === undefined ? rule.default : rule.check(name, value)];
    }),
  ) as unknown as ResolvedOptions;
  assertConsistent(resolved);
  return resolved;
}

/** Refuses a value that is not an object of options. */
export function assertOptionsObject(options: unknown): void {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return;
  throw new InvalidOptionError('options', 'an object', onlyAddress(options));
}

/** A name that is mistyped, or that the class ignores, must not be a silent default. */
function assertOwned(owner: OptionOwner, name: string, value: unknown): void {
  const rule = Object.hasOwn(OPTIONS, name) ? OPTIONS[name as keyof ResolvedOptions] : undefined;
  if (rule?.owners.includes(owner)) return;
  if (rule && value === undefined) return;
  if (rule) {
    throw new InvalidOptionError(
      name,
      `an option of ${rule.owners.join(' or ')} only, not of ${owner}`,
      withoutText(value),
    );
  }
  const names = Object.entries(OPTIONS).filter(([, { owners }]) => owners.includes(owner));
  throw unknownOption(
    name,
    value,
    names.map(([it]) => it),
  );
}

/** Refuses options that exclude each other. */
function assertConsistent(options: ResolvedOptions): void {
  const { connection, credentials, prefix, reservedSegment, sharded, replies } = options;
  assertCodecsDiffer(options);
  assertHasIds(options);
  if (prefix.startsWith(`${reservedSegment}.`)) {
    throw new InvalidOptionError(
      'prefix',
      `outside the reserved "${reservedSegment}."`,
      onlyAddress(prefix),
    );
  }
  if (sharded && replies === 'compat') {
    throw new InvalidOptionError('sharded', 'false with replies: "compat"', sharded);
  }
  if (credentials && isClient(connection)) {
    throw new InvalidOptionError(
      'credentials',
      'absent beside a client of your own, which logs in by itself',
      credentials,
    );
  }
}

/** The names of the options of a handler. */
export const HANDLER_OPTIONS: readonly string[] = [
  'concurrency',
  'order',
  'maxQueue',
  'maxQueueBytes',
  'overflow',
  'recover',
  'sharded',
  'group',
] satisfies (keyof HandlerOptions)[];

const MEBIBYTE = 1024 * 1024;

/** The `concurrency` of a handler with `order`: publishers choose how many channels there are. */
const MAX_ORDERED = 1_000;

/** {@link HandlerOptions}, checked, with their defaults in place. */
export type ResolvedHandlerOptions = Readonly<
  Required<Omit<HandlerOptions, 'order' | 'sharded' | 'group'>> &
    Pick<HandlerOptions, 'order' | 'sharded'> & { readonly group: HandlerGroup | undefined }
>;

/**
 * Checks the options in a handler's decorator, and adds the defaults. Other names are extras of the application,
 * which interceptors may read, unless they look like a misspelt option.
 *
 * @throws InvalidOptionError for a wrong value, and for a misspelt name
 */
export function resolveHandlerOptions(given: HandlerOptions = {}): ResolvedHandlerOptions {
  const misspelt = Object.keys(given).find(isMisspelt);
  if (misspelt !== undefined) throw unknownName('handler option', misspelt, HANDLER_OPTIONS);
  const {
    order,
    concurrency = order === undefined ? Infinity : MAX_ORDERED,
    maxQueue = 10_000,
    maxQueueBytes = 64 * MEBIBYTE,
    overflow = 'drop-oldest',
    recover = false,
    sharded,
    group,
  } = given;
  return {
    concurrency: checkCount('concurrency', concurrency, 1),
    order: ifGiven(order, () => checkOneOf('order', order, ['channel'])),
    maxQueue: checkCount('maxQueue', maxQueue, 0),
    maxQueueBytes: checkCount('maxQueueBytes', maxQueueBytes, 0),
    overflow: checkOneOf('overflow', overflow, ['drop-oldest', 'drop-newest', 'latest']),
    group: checkGroup('group', group),
    recover: checkBoolean('recover', recover),
    sharded: ifGiven(sharded, () => checkBoolean('sharded', sharded)),
  };
}

function ifGiven<Value>(value: unknown, check: () => Value): Value | undefined {
  return value === undefined ? undefined : check();
}

function isMisspelt(name: string): boolean {
  return !HANDLER_OPTIONS.includes(name) && nearestName(name, HANDLER_OPTIONS) !== undefined;
}
