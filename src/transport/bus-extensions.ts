import type { Broker } from '../broker/broker.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { BusRecord } from './bus-record.js';
import type { MessageReader } from './message-reader.js';
import type { ReservedChannels } from './reserved-channels.js';

/** A bus, as far as an extension needs it. */
export interface ExtensibleBus {
  readonly broker: Broker;
  readonly options: ResolvedOptions;
  readonly reserved: ReservedChannels;
  readonly record: BusRecord;
  /** Reports to telemetry a message that was not handled. */
  readonly reader: Pick<MessageReader, 'reportDrop'>;
}

/** Something that every bus has while it runs. No method may throw. */
export interface BusExtension {
  /** The bus starts, or starts again. May be called several times. */
  start(): void;
  /** The bus is about to close its connections. */
  stop(): void;
}

/** Creates the extension of a bus that is started; none where an option turns it off. */
type CreateExtension = (bus: ExtensibleBus) => BusExtension | undefined;

const creators = new Set<CreateExtension>();

/** Extends every bus that is started from now on: those of modules, and those of servers without a module. Idempotent. */
export function extendBuses(create: CreateExtension): void {
  creators.add(create);
}

/** The extensions of a bus, which are created with its first start. */
export class BusExtensions {
  readonly #bus: ExtensibleBus;
  #extensions: readonly BusExtension[] | undefined;

  constructor(bus: ExtensibleBus) {
    this.#bus = bus;
  }

  start(): void {
    this.#extensions ??= [...creators].flatMap((create) => create(this.#bus) ?? []);
    for (const extension of this.#extensions) extension.start();
  }

  stop(): void {
    for (const extension of this.#extensions ?? []) extension.stop();
  }
}
