import type {
  Drift,
  InspectedChannel,
  InspectedPattern,
  UnheardChannel,
} from '../introspection/inspector-types.js';
import type {
  HandlerInfo,
  InstanceInfo,
  InstancePing,
  InstanceStats,
} from '../introspection/instance-types.js';

/** An answer of the inspector, or why there is none. */
export type Section<T> = ({ readonly error?: undefined } & T) | { readonly error: string };

/** The first rows of a list, and how many there are. */
export interface Rows<T> {
  readonly rows: readonly T[];
  /** How many match the filter. */
  readonly total: number;
}

/** An instance of the fleet. Rates are messages per second; absent until two samples are known. */
export interface InstanceRow
  extends
    InstancePing,
    Partial<Pick<InstanceInfo, 'host' | 'pid' | 'codec'>>,
    Pick<
      InstanceStats,
      | 'status'
      | 'reconnects'
      | 'published'
      | 'lost'
      | 'gaps'
      | 'dropped'
      | 'subscriptions'
      | 'observers'
    > {
  /** In milliseconds since 1970, by the clock of the instance. */
  readonly startedAt: number;
  /** When the status became this one, in milliseconds since 1970. */
  readonly since: number;
  readonly received: number;
  readonly failed: number;
  readonly waiting: number;
  readonly receivedRate?: number | undefined;
  readonly publishedRate?: number | undefined;
}

/** A handler, in all instances of a service together. */
export interface HandlerRow extends Pick<HandlerInfo, 'pattern' | 'kind' | 'subscription'> {
  /** The `name` of the instances. */
  readonly service: string;
  readonly method?: string | undefined;
  /** The options of its decorator, such as `concurrency: 5`. */
  readonly options: string;
  /** How many instances have it. */
  readonly instances: number;
  readonly received: number;
  readonly handled: number;
  readonly failed: number;
  readonly dropped: number;
  readonly waiting: number;
  readonly running: number;
  readonly gaps: number;
  readonly rate?: number | undefined;
}

/** What the fleet does in total. Rates are messages per second. */
export interface Totals {
  readonly instances: number;
  /** Instances whose status is not `connected`. */
  readonly impaired: number;
  readonly handlers: number;
  readonly received: number;
  readonly failed: number;
  readonly dropped: number;
  readonly lost: number;
  readonly gaps: number;
  readonly waiting: number;
  readonly receivedRate?: number | undefined;
  readonly publishedRate?: number | undefined;
}

/** The instances and their handlers. */
export interface FleetData {
  readonly totals: Totals;
  readonly instances: Rows<InstanceRow>;
  readonly handlers: Rows<HandlerRow>;
  /** Instances that have answered before, and not this time. */
  readonly missing: readonly InstancePing[];
  /** How many instances were asked and have not answered; absent where Redis does not tell. */
  readonly silent?: number | undefined;
}

/** A channel on which messages were published that no subscriber received. */
export interface UnheardRow extends Omit<UnheardChannel, 'lastAt'> {
  /** In milliseconds since 1970. */
  readonly lastAt: number;
}

/** What the page shows: the answer to `GET <route>/data`. */
export interface PageData {
  /** When the fleet was asked, in milliseconds since 1970. */
  readonly time: number;
  /** How often to ask, in milliseconds. */
  readonly refreshInterval: number;
  /** The module that the figures are of, by its name. */
  readonly transport: string;
  /** The names of all modules of the application. */
  readonly transports: readonly string[];
  /** The prefix of the module. */
  readonly prefix: string;
  /** Whether the page may show messages. */
  readonly messages: boolean;
  /** The status of the module of the application that serves the page. */
  readonly connection: string;
  readonly fleet: Section<FleetData>;
  readonly channels: Section<Rows<InspectedChannel>>;
  /** `globs`: those of all clients of the server; absent where Redis refuses to tell. */
  readonly patterns: Section<Rows<InspectedPattern> & { readonly globs?: number | undefined }>;
  readonly unheard: Section<Rows<UnheardRow> & { readonly hasMore: boolean }>;
  /** `notCompared`: how many instances have the default name. They may be of different services. */
  readonly drift: Section<Rows<Drift> & { readonly notCompared: number }>;
}

/** A message of a channel, or what happened between two. */
export type WatchedEntry =
  | {
      readonly kind: 'message';
      readonly key: number;
      /** In milliseconds since 1970. */
      readonly time: number;
      readonly text: string;
      /** How many characters the text has in full; absent where only its beginning was read. */
      readonly length?: number | undefined;
      readonly id?: string | undefined;
    }
  | { readonly kind: 'gap'; readonly key: number; readonly time: number; readonly from: number }
  | { readonly kind: 'lost'; readonly key: number; readonly time: number; readonly count: number };

/** What a page shows of a channel: the answer to `GET <route>/messages`. */
export interface WatchedChannel {
  readonly status: 'subscribing' | 'subscribed' | 'failed' | 'closed';
  /** Why it failed. */
  readonly error?: string | undefined;
  /** Since when the channel is observed, in milliseconds since 1970. */
  readonly since: number;
  /** How many messages arrived since then. */
  readonly received: number;
  /** The newest ones first. */
  readonly entries: readonly WatchedEntry[];
}
