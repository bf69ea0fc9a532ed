import type { MasterAnswer } from '../broker/broker.js';
import { CommandRefusedError, messageOf } from '../errors.js';
import type { BrokerStatus } from '../telemetry.js';
import type { SourceBus } from '../transport/message-source.js';
import { OutsideLogger } from '../transport/outside-logger.js';
import type { KeySelection } from './key-selection.js';
import { flagsIn, NeededFlags, SETTING } from './notify-flags.js';

/** The first version of Redis that reports the fields of hashes. */
const FIRST_WITH_FIELDS = [8, 8] as const;

/** The flags of one master. */
interface MasterFlags {
  readonly address: string;
  readonly flags: string;
}

/** Two processes may change the setting at the same time, and one would undo what the other has done. */
const MAX_ATTEMPTS = 3;

/** What the servers of a bus must have for notifications of keys: a version, and a setting. */
export class KeyspaceServers {
  static readonly #ofBus = new WeakMap<SourceBus, KeyspaceServers>();

  readonly #bus: SourceBus;
  readonly #logger = new OutsideLogger('RedisPubSub');
  readonly #needed = new NeededFlags();
  readonly #warned = new Set<string>();
  #check: Promise<void> | undefined;
  #connecting: Promise<void> | undefined;
  /** What the masters have answered to INFO since the last outage. */
  #servers: Promise<readonly MasterAnswer[]> | undefined;

  private constructor(bus: SourceBus) {
    this.#bus = bus;
  }

  /** The same for all handlers and observers of a bus. */
  static of(bus: SourceBus): KeyspaceServers {
    const known = this.#ofBus.get(bus);
    if (known) return known;
    const created = new KeyspaceServers(bus);
    this.#ofBus.set(bus, created);
    return created;
  }

  /**
   * Adds what a selection needs of the setting. If that is more than before, or after an outage, it checks the setting of
   * each master, as the option `notify` says. All calls of one tick share a check. Resolves after it; at once while
   * there is no connection, and the check follows. Never rejects.
   */
  need({ channel, events }: KeySelection, isAfterOutage: boolean): Promise<void> {
    const isMore = this.#needed.add(channel, events);
    if (this.#bus.options.notify === 'ignore') return Promise.resolve();
    if (isMore || isAfterOutage) {
      this.#check ??= this.#whenConnected().then(() => this.#checkSetting());
    }
    return isConnected(this.#bus.broker.status) && this.#check ? this.#check : Promise.resolve();
  }

  /** Rejects with a `CommandRefusedError` if a server is known not to report the fields of hashes. */
  async assertFields(subject: string, isAfterOutage: boolean): Promise<void> {
    if (isAfterOutage) this.#servers = undefined;
    for (const { address, answer } of await (this.#servers ??= this.#askServers())) {
      const server = serverIn(answer);
      if (!server || server.hasFields) continue;
      const why = `notifications of hash fields need Redis 8.8 or later, and ${address} is ${server.name}`;
      throw new CommandRefusedError('subscribe', subject, new Error(why));
    }
  }

  async #askServers(): Promise<readonly MasterAnswer[]> {
    try {
      await this.#whenConnected();
      return await this.#bus.broker.callMasters('INFO', 'server');
    } catch (error) {
      this.#servers = undefined;
      throw error;
    }
  }

  /** Resolves when commands can be sent, or the broker is closed. */
  #whenConnected(): Promise<void> {
    const { broker } = this.#bus;
    if (isConnected(broker.status)) return Promise.resolve();
    return (this.#connecting ??= new Promise((resolve) => {
      const remove = broker.onStatus((status) => {
        if (!isConnected(status) && status !== 'disconnected') return;
        remove();
        this.#connecting = undefined;
        resolve();
      });
    }));
  }

  async #checkSetting(): Promise<void> {
    this.#check = undefined;
    try {
      if (this.#bus.options.notify === 'set') await this.#set();
      else await this.#warnOfMissing();
    } catch {
      // The broker was closed.
    }
  }

  async #warnOfMissing(): Promise<void> {
    for (const { address, flags } of await this.#readFlags()) {
      const missing = this.#needed.missingIn(flags);
      if (missing === '' || !this.#isFirst(`${address} ${missing}`)) continue;
      this.#logger.warn(
        `Redis at ${address} does not report all that handlers and observers of keys need: notify-keyspace-events is "${flags}" and lacks "${missing}". Add it to the configuration of Redis, or set notify: 'set'`,
      );
    }
  }

  async #set(): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const known = await this.#readFlags();
      const missing = known.map(({ flags }) => this.#needed.missingIn(flags)).join('');
      if (missing === '') return;
      const wanted = lettersOf(known.map(({ flags }) => flags).join('') + missing);
      const answers = await this.#bus.broker.callMasters('CONFIG', 'SET', SETTING, wanted);
      const refused = answers.find(({ error }) => error !== undefined);
      if (!refused) continue;
      this.#warnOfRefusal(refused.address, messageOf(refused.error));
      return;
    }
    await this.#warnOfMissing();
  }

  /** Those of each master that tells them. With `notify: 'set'` a refusal is logged. */
  async #readFlags(): Promise<MasterFlags[]> {
    const answers = await this.#bus.broker.callMasters('CONFIG', 'GET', SETTING);
    return answers.flatMap(({ address, answer, error }) => {
      const flags = flagsIn(answer);
      if (flags !== undefined) return [{ address, flags }];
      if (this.#bus.options.notify === 'set') {
        this.#warnOfRefusal(address, error === undefined ? 'it is not there' : messageOf(error));
      }
      return [];
    });
  }

  #warnOfRefusal(address: string, reason: string): void {
    if (!this.#isFirst(address)) return;
    this.#logger.warn(
      `Cannot change notify-keyspace-events of Redis at ${address}: ${reason}. Set it in the configuration of Redis, and set notify: 'ignore'`,
    );
  }

  #isFirst(warning: string): boolean {
    const isFirst = !this.#warned.has(warning);
    this.#warned.add(warning);
    return isFirst;
  }
}

/** Whether every connection is up. */
function isConnected(status: BrokerStatus): boolean {
  return status === 'connected' || status === 'starving';
}

/** Each letter once. */
function lettersOf(flags: string): string {
  return [...new Set(flags)].join('');
}

/** What the answer to INFO says of a server; `undefined` if it says nothing of its version. */
export function serverIn(info: unknown): { name: string; hasFields: boolean } | undefined {
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}:(\\S+)`, 'm').exec(String(info))?.[1];
  const valkey = field('valkey_version');
  // Valkey tells the version of Redis that it is compatible with, too.
  if (valkey !== undefined) return { name: `Valkey ${valkey}`, hasFields: false };
  const version = field('redis_version');
  if (version === undefined) return undefined;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [firstMajor, firstMinor] = FIRST_WITH_FIELDS;
  const hasFields = major > firstMajor || (major === firstMajor && minor >= firstMinor);
  return { name: `Redis ${version}`, hasFields };
}
