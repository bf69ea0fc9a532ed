import { telemetry } from '../../telemetry.js';
import type { BrokerLog } from '../broker.js';
import type { ServerInfo } from '../connection/ioredis-internals.js';

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
  readonly #transport: string;
  readonly #log: BrokerLog;
  #last: ServerCounts | undefined;

  /** `transport` is the name of the broker in telemetry. */
  constructor(transport: string, log: BrokerLog) {
    this.#transport = transport;
    this.#log = log;
  }

  /** A connection is ready, for the first time or again. The user may have no permission for INFO. */
  onInfo(info: ServerInfo): void {
    const counts = readCounts(info);
    const last = this.#last;
    this.#last = counts;
    if (last?.runId !== counts.runId) return;
    const connections = (counts.disconnections ?? 0) - (last.disconnections ?? 0);
    if (connections <= 0) return;
    this.#log.warn(
      `The subscriber reconnected, and since its last connection Redis disconnected ${connections} clients whose output buffers were full. If this process was one of them, handle messages faster or raise client-output-buffer-limit`,
    );
    if (!telemetry.overrun.hasSubscribers) return;
    telemetry.overrun.publish({ transport: this.#transport, connections });
  }
}

function readCounts(info: ServerInfo): ServerCounts {
  const disconnections = info.client_output_buffer_limit_disconnections;
  return {
    runId: info.run_id ?? '',
    disconnections: disconnections === undefined ? undefined : Number(disconnections),
  };
}
