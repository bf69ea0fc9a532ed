import type {
  Drift,
  InspectedChannel,
  UnheardChannel,
} from '../../introspection/inspector-types.js';
import type { InstancePing, InstanceStats } from '../../introspection/instance-types.js';
import type { PubSubInspector } from '../../introspection/pub-sub-inspector.js';
import { messageOf } from '../../errors.js';

/** What the fleet is and does at one moment. */
export interface Snapshot {
  /** Milliseconds of the monotonic clock. */
  readonly atMs: number;
  readonly instances: readonly InstanceStats[];
  /** Those that have answered before, and do not now. */
  readonly missing: readonly InstancePing[];
  /** How many are subscribed and have not answered, where Redis tells. */
  readonly silent: number | undefined;
  readonly channels: readonly InspectedChannel[];
  readonly totalChannels: number;
  readonly unheard: readonly UnheardChannel[];
  readonly drift: readonly Drift[];
  /** What could not be asked, and why. */
  readonly failures: readonly string[];
}

/** Asks the fleet. Rejects when no instance can be asked; a part that Redis refuses is among the `failures`. */
export async function takeSnapshot(
  inspector: Pick<PubSubInspector, 'stats' | 'channels' | 'unheard' | 'drift'>,
  timeout: number,
): Promise<Snapshot> {
  const failures: string[] = [];
  const optional = <T>(what: string, asked: Promise<T>, otherwise: T): Promise<T> =>
    asked.catch((error: unknown) => {
      failures.push(`${what}: ${messageOf(error)}`);
      return otherwise;
    });
  const [stats, channels, unheard, drift] = await Promise.all([
    inspector.stats({ timeout }),
    optional('channels', inspector.channels(), { channels: [], total: 0 }),
    optional(
      'unheard',
      inspector.unheard({ timeout }).then((it) => it.channels),
      [],
    ),
    optional(
      'drift',
      inspector.drift({ timeout }).then((it) => it.drift),
      [],
    ),
  ]);
  return {
    atMs: performance.now(),
    instances: stats.instances,
    missing: stats.missing,
    silent: stats.silent,
    channels: channels.channels,
    totalChannels: channels.total,
    unheard,
    drift,
    failures,
  };
}
