import { ChannelPattern } from '../channel/channel-pattern.js';
import { CHANNEL_KINDS, type ChannelKind } from '../channel/subscription-key.js';
import { ClosedError, ConnectionError, hasCode, InvalidOptionError } from '../errors.js';
import { isRecord } from '../codec/envelope-codec.js';
import { checkCount, checkMilliseconds } from '../options/option-checks.js';
import type { RedisPubSubOptions } from '../options/options.js';
import { resolveOptions } from '../options/resolve-options.js';
import { unknownName } from '../options/unknown-option.js';
import { brandOf } from '../shared/brand.js';
import { findChannels } from '../transport/find-channels.js';
import { isMessageBus, MessageBus } from '../transport/message-bus.js';
import { addBrandWithBus } from '../transport/own-connection.js';
import { Asker } from './asker.js';
import { findDrift } from './drift.js';
import type {
  InspectChannelsOptions,
  InspectedChannel,
  InspectedChannels,
  InspectedDrift,
  InspectedInstances,
  InspectedPatterns,
  InspectOptions,
  UnheardChannel,
  UnheardChannels,
} from './inspector-types.js';
import type { InstanceInfo, InstancePing, InstanceStats } from './instance-types.js';
import { KnownInstances } from './known-instances.js';
import { listPatterns } from './patterns.js';
import type { Verb } from './question.js';
import { readInfo, readPing, readStats, readUnheard } from './read-answer.js';
import { mergeUnheard, withoutHeard } from './unheard.js';

/** What the constructor of {@link PubSubInspector} takes. */
export type PubSubInspectorOptions = Pick<
  RedisPubSubOptions,
  'connection' | 'credentials' | 'prefix' | 'reservedSegment' | 'name'
>;

const INSPECTOR = brandOf('inspector');
const DEFAULT_TIMEOUT_MS = 500;
const DEFAULT_LIMIT = 1_000;

/**
 * Asks the instances of a fleet what they are and what they do, and asks Redis for channels. It sees the instances with the same
 * Redis, `prefix` and `reservedSegment`, whatever their codecs are. Each `RedisPubSubModule` provides and exports one.
 *
 * Each method settles within its `timeout`. It rejects with `ConnectionError` if Redis has not taken the question by then.
 * It rejects with `CommandRefusedError` if Redis refuses the question, and with `InvalidOptionError` for a wrong option.
 */
export class PubSubInspector {
  static {
    addBrandWithBus<PubSubInspector>(this.prototype, INSPECTOR, (it) => it.#ownsBus && it.#bus);
  }

  readonly #bus: MessageBus;
  readonly #ownsBus: boolean;
  readonly #asker: Asker;
  readonly #known = new KnownInstances();
  #isClosed = false;

  /** The inspector has connections of its own, which the first question opens. Close it when it is not needed any more. */
  constructor(options?: PubSubInspectorOptions);
  /**
   * With a bus the inspector shares the connections of the module.
   *
   * @internal
   */
  constructor(options?: PubSubInspectorOptions | MessageBus);
  constructor(options: PubSubInspectorOptions | MessageBus = {}) {
    this.#ownsBus = !isMessageBus(options);
    this.#bus = isMessageBus(options)
      ? options
      : new MessageBus(resolveOptions('PubSubInspector', options));
    this.#asker = new Asker(this.#bus, (timeoutMs) => this.#connect(timeoutMs));
  }

  /** Which instances run: their ids, names and versions. */
  ping(options?: InspectOptions): Promise<InspectedInstances<InstancePing>> {
    return this.#ask('ping', readPing, options);
  }

  /** What the instances are, and which handlers they have. */
  instances(options?: InspectOptions): Promise<InspectedInstances<InstanceInfo>> {
    return this.#ask('info', readInfo, options);
  }

  /** What the instances and their handlers have done, and do now. */
  stats(options?: InspectOptions): Promise<InspectedInstances<InstanceStats>> {
    return this.#ask('stats', readStats, options);
  }

  /**
   * The channels under the prefix that have subscribers in any process, classic and sharded ones, with their numbers. In a
   * Cluster, all nodes are asked.
   *
   * @see https://redis.io/docs/latest/commands/pubsub-numsub/
   */
  async channels(options: InspectChannelsOptions = {}): Promise<InspectedChannels> {
    const timeoutMs = timeoutOf(options, ['timeout', 'pattern', 'limit']);
    const limit = checkCount('limit', options.limit ?? DEFAULT_LIMIT, 1);
    const pattern = ChannelPattern.parse(options.pattern ?? '*');
    const found = await this.#query(timeoutMs, () =>
      Promise.all(CHANNEL_KINDS.map((kind) => this.#channelsOf(kind, pattern))),
    );
    const channels = found.flat().toSorted(bySubscribers);
    return { channels: channels.slice(0, limit), total: channels.length };
  }

  /** The globs that instances are subscribed to, and how many globs Redis compares each message with. */
  async patterns(options?: InspectOptions): Promise<InspectedPatterns> {
    const timeoutMs = timeoutOf(options);
    const [{ instances, missing, silent }, total] = await Promise.all([
      this.instances(options),
      this.#query(timeoutMs, () => this.#bus.broker.patternCount()).catch(undefinedIfRefused),
    ]);
    return { patterns: listPatterns(instances), total, missing, silent };
  }

  /**
   * The channels on which instances published in the last minute, and which no subscriber received. The time is exact to ten
   * seconds. In a Cluster, see {@link UnheardChannel.isCertain}.
   */
  async unheard(options?: InspectOptions): Promise<UnheardChannels> {
    // The second half is for what Redis has not said for sure. A timeout is 1 ms at least.
    const timeout = Math.max(timeoutOf(options) / 2, 1);
    const { instances, ...others } = await this.#ask('unheard', readUnheard, { timeout });
    const channels = await this.#withoutHeard(mergeUnheard(instances), timeout);
    return { channels, hasMore: instances.some((it) => it.hasMore), ...others };
  }

  /**
   * In what the instances of each name differ: handlers, versions, codecs, contracts. Instances with the default name are not
   * compared, see {@link InspectedDrift.notCompared}.
   */
  async drift(options?: InspectOptions): Promise<InspectedDrift> {
    const { instances, missing, silent } = await this.instances(options);
    return { ...findDrift(instances), missing, silent };
  }

  /** Closes connections of its own. Idempotent, never rejects. */
  async close(): Promise<void> {
    if (!this.#ownsBus) return;
    this.#isClosed = true;
    this.#asker.close();
    await this.#bus.close();
  }

  async #ask<Instance extends InstancePing>(
    verb: Verb,
    read: (value: unknown) => Instance | undefined,
    options?: InspectOptions,
  ): Promise<InspectedInstances<Instance>> {
    return this.#known.complete(await this.#asker.ask(verb, timeoutOf(options), read));
  }

  async #withoutHeard(channels: UnheardChannel[], timeout: number): Promise<UnheardChannel[]> {
    const uncertain = channels.filter(({ isCertain }) => !isCertain);
    if (uncertain.length === 0) return channels;
    const names = uncertain.map(({ channel }) => channel);
    const [{ instances }, counts] = await Promise.all([
      this.instances({ timeout }),
      // A node of a Cluster counts its own subscribers; those of shard channels are all at one node.
      this.#query(timeout, () => this.#countSubscribers('channel', names)),
    ]);
    return withoutHeard(channels, counts, instances);
  }

  async #channelsOf(kind: ChannelKind, pattern: ChannelPattern): Promise<InspectedChannel[]> {
    // Redis before 7.0 has no shard channels.
    const channels = await findChannels(this.#bus, pattern, kind).catch((error: unknown) => {
      if (kind === 'channel' || !hasCode(error, 'ERR_PUBSUB_QUERY')) throw error;
      return [];
    });
    const counts = await this.#countSubscribers(kind, channels);
    return channels.map((channel) => ({ channel, kind, subscribers: counts.get(channel) ?? 0 }));
  }

  async #countSubscribers(
    kind: ChannelKind,
    channels: readonly string[],
  ): Promise<Map<string, number>> {
    if (channels.length === 0) return new Map();
    const { prefix } = this.#bus.options;
    const names = channels.map((channel) => prefix + channel);
    const counts = await this.#bus.broker.subscriberCounts(names, kind);
    return new Map(channels.map((channel) => [channel, counts.get(prefix + channel) ?? 0]));
  }

  #query<Result>(timeoutMs: number, query: () => Promise<Result>): Promise<Result> {
    return withTimeout(this.#connect(timeoutMs).then(query), timeoutMs);
  }

  async #connect(timeoutMs: number): Promise<void> {
    if (this.#isClosed) throw new ClosedError();
    await (this.#ownsBus ? this.#bus.broker.connect(timeoutMs) : this.#bus.startEarly());
  }
}

function timeoutOf(given: unknown = {}, names: readonly string[] = ['timeout']): number {
  if (!isRecord(given)) throw new InvalidOptionError('options', 'an object', given);
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) throw unknownName('option of PubSubInspector', unknown, names);
  return checkMilliseconds('timeout', given.timeout ?? DEFAULT_TIMEOUT_MS, 1);
}

async function withTimeout<Result>(result: Promise<Result>, timeoutMs: number): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new ConnectionError(`Redis did not answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([result, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

function bySubscribers(one: InspectedChannel, other: InspectedChannel): number {
  return other.subscribers - one.subscribers || one.channel.localeCompare(other.channel);
}

function undefinedIfRefused(error: unknown): undefined {
  if (!hasCode(error, 'ERR_PUBSUB_QUERY')) throw error;
}
