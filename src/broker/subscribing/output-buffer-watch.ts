import type { Redis } from 'ioredis';
import { telemetry } from '../../telemetry.js';
import type { BrokerLog } from '../broker.js';

/** What INFO tells of a server, and of the clients that it disconnected because they were too slow. */
interface ServerCounts {
  readonly runId: string;
  /** Absent in Redis 7.0. */
  readonly disconnections: number | undefined;
}

/**
 * Logs that a lost connection may have been too slow: Redis disconnects clients whose output buffers are
 * full. To the client that is a loss like any other; INFO counts the disconnections of all clients.
 *
 * @see https://redis.io/docs/latest/develop/reference/clients/#output-buffer-limits
 */
export class OutputBufferWatch {
  readonly #client: Redis;
  readonly #log: BrokerLog;
  #last: ServerCounts | undefined;

  constructor(client: Redis, log: BrokerLog) {
    this.#client = client;
    this.#log = log;
  }

  /** The connection is ready, for the first time or again. Resolves to what INFO tells, and never rejects. */
  async onReady(): Promise<string> {
    // The user may have no permission for INFO.
    const info = await this.#client.info().catch(() => '');
    this.#compare(info);
    return info;
  }

  #compare(info: string): void {
    const counts = readCounts(info);
    const last = this.#last;
    this.#last = counts;
    if (last?.runId !== counts.runId) return;
    const connections = (counts.disconnections ?? 0) - (last.disconnections ?? 0);
    if (connections <= 0) return;
    this.#log.warn(
      `The subscriber reconnected, and since its last connection Redis disconnected ${connections} clients whose output buffers were full. If this process was one of them, handle messages faster or raise client-output-buffer-limit`,
    );
    if (telemetry.overrun.hasSubscribers) telemetry.overrun.publish({ connections });
  }
}

function readCounts(info: string): ServerCounts {
  const disconnections = fieldOf(info, 'client_output_buffer_limit_disconnections');
  return {
    runId: fieldOf(info, 'run_id') ?? '',
    disconnections: disconnections === undefined ? undefined : Number(disconnections),
  };
}

function fieldOf(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1];
}
