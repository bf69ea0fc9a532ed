import { InvalidOptionError } from '../errors.js';
import { checkBoolean, checkTransportId } from '../options/option-checks.js';
import { unknownName } from '../options/unknown-option.js';
import { onlyAddress, withoutText } from '../shared/clean-error.js';

/** A time in which the sockets of one server may have missed broadcasts of the others. */
export interface SocketGap {
  /** The name of the namespace, such as `'/'`. */
  readonly namespace: string;
  /** The rooms whose sockets may have missed broadcasts; `undefined` for all sockets of the namespace. */
  readonly rooms: readonly string[] | undefined;
  /** The last time at which the connection is known to have delivered. */
  readonly from: Date;
  /** When Redis acknowledged the subscription again. */
  readonly to: Date;
}

/** What to do about a gap: one of the names, or a function. */
export type OnSocketGap = 'emit' | 'disconnect' | 'ignore' | ((gap: SocketGap) => unknown);

/** Options of {@link RedisPubSubIoAdapter} and {@link createAdapter}. */
export interface SocketIoAdapterOptions {
  /**
   * What happens after a time in which the sockets of this server may have missed broadcasts. With `'emit'`, each of them
   * receives the event `gap`, with `{ from, to, recovered: false }`: times as ISO text. With `'disconnect'`, their
   * connections are closed, and clients connect again by themselves. A function is called with the gap; an error that it
   * throws, or rejects with, is logged.
   *
   * @defaultValue `'emit'`
   */
  readonly onGap?: OnSocketGap;

  /**
   * Which rooms have a Redis channel of their own. Only the servers with a socket in such a room receive its broadcasts.
   * All servers need the same function. Await `socket.join`: it then resolves on Redis' acknowledgement.
   *
   * @defaultValue none: all servers receive all broadcasts of a namespace
   */
  readonly roomChannels?: (room: string) => boolean;

  /**
   * Whether the channels are sharded (SSUBSCRIBE). In a Cluster, each channel then is at one node. All servers need the
   * same value.
   *
   * @defaultValue the `sharded` of the module
   */
  readonly sharded?: boolean;

  /**
   * The `transportId` of the `RedisPubSubModule` whose connections are used.
   *
   * @defaultValue that of the only module of the application
   */
  readonly transportId?: symbol | number;
}

/** The options, checked; those without a value have their default elsewhere. */
export type ResolvedAdapterOptions = Pick<
  SocketIoAdapterOptions,
  'sharded' | 'transportId' | 'roomChannels'
> & { readonly onGap: OnSocketGap };

const NAMES: readonly string[] = [
  'onGap',
  'roomChannels',
  'sharded',
  'transportId',
] satisfies (keyof SocketIoAdapterOptions)[];

/** Checks the options. Throws `InvalidOptionError`. */
export function resolveAdapterOptions(options: unknown): ResolvedAdapterOptions {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidOptionError('options of the adapter', 'an object', withoutText(options));
  }
  const unknown = Object.keys(options).find((name) => !NAMES.includes(name));
  if (unknown !== undefined) throw unknownName('option of the adapter', unknown, NAMES);
  const { onGap = 'emit', roomChannels, sharded, transportId } = options as SocketIoAdapterOptions;
  return {
    onGap: checkOnGap(onGap),
    roomChannels: roomChannels === undefined ? undefined : checkRoomChannels(roomChannels),
    sharded: sharded === undefined ? undefined : checkBoolean('sharded', sharded),
    transportId:
      transportId === undefined ? undefined : checkTransportId('transportId', transportId),
  };
}

const POLICIES: ReadonlySet<OnSocketGap> = new Set(['emit', 'disconnect', 'ignore']);

function checkOnGap(onGap: OnSocketGap): OnSocketGap {
  if (typeof onGap === 'function' || POLICIES.has(onGap)) return onGap;
  throw new InvalidOptionError(
    'onGap',
    '"emit", "disconnect", "ignore" or a function',
    onlyAddress(onGap),
  );
}

function checkRoomChannels(value: unknown): (room: string) => boolean {
  if (typeof value === 'function') return value as (room: string) => boolean;
  throw new InvalidOptionError('roomChannels', 'a function', withoutText(value));
}
