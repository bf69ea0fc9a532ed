import type { Redis } from 'ioredis';
import { telemetry } from '../../telemetry.js';
import type { BrokerLog } from '../broker.js';

/** What INFO tells of a server, and of what it has done to clients that did not keep up. */
interface ServerCounts {
  readonly runId: string;
  /** Absent in Redis 7.0. */
  readonly cuts: number | undefined;
}

/**
 * Says so when a connection was lost, and Redis has meanwhile ended some whose output buffers were full:
 * to the client that is an end like any other. Redis tells how many there were, and not whose.
 */
export class OutputBufferWatch {
  readonly #client: Redis;
  readonly #log: BrokerLog;
  #last: ServerCounts | undefined;

  constructor(client: Redis, log: BrokerLog) {
    this.#client = client;
    this.#log = log;
  }

  /** The connection is there, for the first time or again. Never rejects. */
  async onReady(): Promise<void> {
    // Who may not ask does without.
    const info = await this.#client.info().catch(() => '');
    const counts = readCounts(info);
    const last = this.#last;
    this.#last = counts;
    if (last?.runId !== counts.runId) return;
    const connections = (counts.cuts ?? 0) - (last.cuts ?? 0);
    if (connections <= 0) return;
    this.#log.warn(
      `The connection may have been lost because messages come faster than they are taken: since it was made, Redis has ended ${connections} whose output buffers were full (client-output-buffer-limit)`,
    );
    if (telemetry.overrun.hasSubscribers) telemetry.overrun.publish({ connections });
  }
}

/** Reads the answer to INFO. */
export function readCounts(info: string): ServerCounts {
  const cuts = fieldOf(info, 'client_output_buffer_limit_disconnections');
  return {
    runId: fieldOf(info, 'run_id') ?? '',
    cuts: cuts === undefined ? undefined : Number(cuts),
  };
}

function fieldOf(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1];
}
