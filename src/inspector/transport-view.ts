import { messageOf } from '../errors.js';
import type { PubSubInspector } from '../introspection/pub-sub-inspector.js';
import type { RedisPubSubService } from '../module/redis-pubsub.service.js';
import { findDrift, type FoundDrift } from '../introspection/drift.js';
import { FairAnswers } from './fair-answers.js';
import { fleetOf, type Fleet } from './fleet.js';
import type { ResolvedPageOptions } from './inspector-options.js';
import { hasText, patternOf } from './name-filter.js';
import type { PageData, Rows, Section } from './page-data.js';
import { RateMeter } from './rate-meter.js';
import { SharedAnswer } from './shared-answer.js';

/** The most rows of a list that a page receives. */
const MAX_ROWS = 100;
/** The most filters whose channels are kept. */
const MAX_FILTERS = 50;
/** How long an instance may take to answer: one whose event loop is busy needs longer than the default. */
const ANSWER_TIMEOUT = { timeout: 1_000 };
/** Redis may take long to list many channels. */
const CHANNELS_TIMEOUT = { timeout: 5_000 };
/** A filter that waits for others is answered with what is known, so that the page goes on. */
const MAX_WAIT_MS = 2_000;
/** A rate is the mean over at most this many intervals. */
const MAX_INTERVALS = 5;

/** A module of the application. */
export interface InspectedTransport {
  readonly name: string;
  readonly prefix: string;
  readonly sharded: boolean;
  readonly inspector: PubSubInspector;
  readonly service: RedisPubSubService;
}

type Channels = PageData['channels'];

const BUSY: Channels = {
  error: 'Redis takes long to list its channels, and other filters come first',
};

interface FleetWithDrift extends Fleet, FoundDrift {}

/** What all readers see of one module, before a filter. */
interface Sample {
  readonly time: number;
  readonly fleet: Section<FleetWithDrift>;
  readonly patterns: Section<Awaited<ReturnType<PubSubInspector['patterns']>>>;
  readonly unheard: Section<Awaited<ReturnType<PubSubInspector['unheard']>>>;
}

/** The figures of one module. However many ask, its fleet is asked once for each interval. */
export class TransportView {
  readonly #meter: RateMeter;
  readonly #sample: SharedAnswer<Sample>;
  readonly #channels: FairAnswers<Channels>;

  constructor(
    readonly transport: InspectedTransport,
    private readonly options: ResolvedPageOptions,
  ) {
    const { refreshInterval: maxAgeMs } = options;
    this.#meter = new RateMeter(MAX_INTERVALS * maxAgeMs);
    this.#sample = new SharedAnswer(() => this.#ask(), { maxAgeMs, timesTook: 2 });
    // Redis lists all its channels for each filter: all filters together must not keep it busy.
    this.#channels = new FairAnswers((filter) => this.#askChannels(filter), BUSY, {
      maxAgeMs,
      restTimes: 9,
      maxWaitMs: MAX_WAIT_MS,
      maxKeys: MAX_FILTERS,
    });
  }

  /** The figures, with the rows whose names contain `filter`. Does not reject. */
  async data(filter: string, transports: readonly string[]): Promise<PageData> {
    const [sample, channels] = await Promise.all([this.#sample.get(), this.#channels.get(filter)]);
    const { name, prefix, service } = this.transport;
    return {
      ...this.options,
      time: sample.time,
      transport: name,
      transports,
      prefix,
      connection: service.status,
      channels,
      ...filtered(sample, filter),
    };
  }

  #askChannels(filter: string): Promise<Channels> {
    return settled(async () => {
      const asked = { pattern: patternOf(filter), limit: MAX_ROWS, ...CHANNELS_TIMEOUT };
      const { channels, total } = await this.transport.inspector.channels(asked);
      return { rows: channels, total };
    });
  }

  async #ask(): Promise<Sample> {
    const { inspector } = this.transport;
    const [fleet, patterns, unheard] = await Promise.all([
      settled(() => this.#askFleet()),
      settled(() => inspector.patterns(ANSWER_TIMEOUT)),
      settled(() => inspector.unheard(ANSWER_TIMEOUT)),
    ]);
    return { time: Date.now(), fleet, patterns, unheard };
  }

  /** Finds the differences, too: `drift` would ask the instances the same once more. */
  async #askFleet(): Promise<FleetWithDrift> {
    const { inspector } = this.transport;
    const [infos, { instances }] = await Promise.all([
      inspector.instances(ANSWER_TIMEOUT),
      inspector.stats(ANSWER_TIMEOUT),
    ]);
    this.#meter.begin(performance.now());
    return { ...fleetOf(infos, instances, this.#meter), ...findDrift(infos.instances) };
  }
}

async function settled<T extends object>(ask: () => Promise<T>): Promise<Section<T>> {
  try {
    return await ask();
  } catch (error) {
    return { error: messageOf(error) };
  }
}

function filtered({ fleet, patterns, unheard }: Sample, filter: string) {
  const has = (...names: readonly (string | undefined)[]): boolean => hasText(filter, ...names);
  return {
    fleet: inSection(fleet, ({ instances, handlers, totals, missing, silent }) => ({
      totals,
      missing,
      silent,
      instances: rowsOf(instances.filter(({ id, name, host }) => has(id, name, host))),
      handlers: rowsOf(
        handlers.filter(({ service, pattern, method }) => has(service, pattern, method)),
      ),
    })),
    patterns: inSection(patterns, ({ patterns: found, total: globs }) => ({
      ...rowsOf(found.filter(({ pattern, glob }) => has(pattern, glob))),
      globs,
    })),
    unheard: inSection(unheard, ({ channels, hasMore }) => ({
      ...rowsOf(
        channels
          .filter(({ channel, publishers }) => has(channel, ...publishers))
          .map((it) => ({ ...it, lastAt: it.lastAt.getTime() })),
      ),
      hasMore,
    })),
    drift: inSection(fleet, ({ drift: found, notCompared }) => ({
      ...rowsOf(found.filter(({ name }) => has(name))),
      notCompared: notCompared.length,
    })),
  };
}

function inSection<From extends object, To extends object>(
  section: Section<From>,
  map: (value: From) => To,
): Section<To> {
  return section.error === undefined ? map(section) : { error: section.error };
}

function rowsOf<T>(all: readonly T[]): Rows<T> {
  return { rows: all.slice(0, MAX_ROWS), total: all.length };
}
