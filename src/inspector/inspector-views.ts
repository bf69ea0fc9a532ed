import { NotFoundException, type OnModuleDestroy } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { InvalidOptionError } from '../errors.js';
import { ChannelWatches } from './channel-watches.js';
import { findTransports } from './find-transports.js';
import type { ResolvedPageOptions } from './inspector-options.js';
import type { PageData, WatchedChannel } from './page-data.js';
import { TransportView } from './transport-view.js';

/** The least time for which a channel is observed after its last reader was heard of, in milliseconds. */
const MIN_IDLE_MS = 5_000;
/** A longer filter finds nothing. */
const MAX_FILTER_LENGTH = 200;

/** Answers the requests of a page, for all modules of the application. */
export class InspectorViews implements OnModuleDestroy {
  #views: ReadonlyMap<string, TransportView> = new Map();
  readonly #watches: ChannelWatches;

  constructor(
    private readonly modules: ModulesContainer,
    private readonly options: ResolvedPageOptions,
  ) {
    this.#watches = new ChannelWatches(Math.max(MIN_IDLE_MS, 3 * options.refreshInterval));
  }

  /** Finds the modules. Throws {@link InvalidOptionError} where the application has none. */
  open(): void {
    const found = findTransports(this.modules).map(
      (transport) => [transport.name, new TransportView(transport, this.options)] as const,
    );
    if (found.length === 0) {
      throw new InvalidOptionError(
        'PubSubInspectorModule shows the RedisPubSubModules of an application, and this one has none: import RedisPubSubModule.forRoot(…)',
      );
    }
    this.#views = new Map(found);
  }

  /** The figures of a module: of the first one unless `transport` names another. */
  data(query: object): Promise<PageData> {
    const filter = textOf(query, 'filter').slice(0, MAX_FILTER_LENGTH).toWellFormed();
    return this.#view(query).data(filter, [...this.#views.keys()]);
  }

  /** The newest messages of a channel, which is observed from now on. */
  messages(query: object): WatchedChannel {
    if (!this.options.messages) throw new NotFoundException('This page shows no messages');
    const { transport } = this.#view(query);
    return this.#watches.read(transport.name, {
      service: transport.service,
      channel: textOf(query, 'channel'),
      sharded: textOf(query, 'kind') === 'shard',
    });
  }

  onModuleDestroy(): void {
    this.#watches.close();
  }

  #view(query: object): TransportView {
    const [first] = this.#views.values();
    const view = this.#views.get(textOf(query, 'transport')) ?? first;
    // Nest calls no handler before the modules are initialized.
    if (!view) throw new NotFoundException('The application has not started yet');
    return view;
  }
}

/** A value of a query. Adapters make lists and objects of some. */
function textOf(query: object, name: string): string {
  const value: unknown = Reflect.get(query, name);
  return typeof value === 'string' ? value : '';
}
