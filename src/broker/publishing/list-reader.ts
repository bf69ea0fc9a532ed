import { createHash } from 'node:crypto';
import { Command, type Redis } from 'ioredis';
import { ConnectionError, messageOf } from '../../errors.js';
import type { ListEnd, ListRead } from '../broker.js';
import { isReplyError } from '../connection/redis-error.js';
import { askIdentity, replicationIdIn } from '../connection/server-identity.js';
import type { PublishPipeline } from './publish-pipeline.js';

/** Reads lists over one connection, and knows which server has answered. */
export class ListReader {
  readonly #client: Redis;
  readonly #pipeline: Pick<PublishPipeline, 'sendTogether'>;
  /** Counts the connections of the client. */
  #connections = 0;
  #runId: Promise<string | undefined> | undefined;

  constructor(client: Redis, pipeline: Pick<PublishPipeline, 'sendTogether'>) {
    this.#client = client;
    this.#pipeline = pipeline;
  }

  /** The client has connected. `runId` is what the server said of itself, if it was asked. */
  onReady(runId: string | undefined): void {
    this.#connections++;
    this.#runId = runId === undefined ? undefined : Promise.resolve(runId);
  }

  /** See `Broker#readLists`. Never rejects. */
  async read(reads: readonly ListRead[]): Promise<readonly ListEnd[]> {
    const connection = this.#connections;
    this.#runId ??= askIdentity(this.#client).then((identity) => identity.runId);
    const runId = await this.#runId;
    // Asked each time: a server may have been a replica in between, while its connections stayed.
    const replication = new Command('info', ['replication'], { replyEncoding: 'utf8' });
    const commands = reads.map(
      ({ key, count, skip = 0 }) => new Command('lrange', [key, -skip - count, -skip - 1]),
    );
    this.#pipeline.sendTogether([replication, ...commands]);
    const [info, ...answers] = await Promise.allSettled(
      [replication, ...commands].map(({ promise }) => promise),
    );
    if (connection !== this.#connections) {
      // A user's own client may have sent them again, to another server.
      return noAnswers(reads, new ConnectionError('The connection was lost during a read'));
    }
    const replicationId = info?.status === 'fulfilled' ? replicationIdIn(info.value) : undefined;
    const serverId = serverIdOf(runId, replicationId);
    return answers.map((answer, i) =>
      answer.status === 'fulfilled'
        ? { ...listEnd(answer.value as Buffer[], reads[i]?.count ?? 0, serverId), runId }
        : noAnswer(readError(answer.reason)),
    );
  }
}

/**
 * Identifies a server and its data. The `run_id` stays where a master becomes a replica and then the master again, and
 * it may lack messages then. Redis changes the replication id whenever a replica becomes the master.
 */
function serverIdOf(
  runId: string | undefined,
  replicationId: string | undefined,
): string | undefined {
  if (runId === undefined || replicationId === undefined) return runId;
  return createHash('sha256').update(`${runId} ${replicationId}`).digest('hex');
}

/** The answer to a read of `count` messages. */
export function listEnd(
  payloads: readonly Buffer[],
  count: number,
  serverId: string | undefined,
): ListEnd {
  return { payloads, isWhole: payloads.length < count, serverId };
}

/** The answer to a read that has failed. */
export function noAnswer(error: unknown): ListEnd {
  return { payloads: [], isWhole: false, serverId: undefined, error };
}

/** The same answer to several reads. */
export function noAnswers(reads: readonly ListRead[], error: unknown): ListEnd[] {
  return reads.map(() => noAnswer(error));
}

function readError(error: unknown): unknown {
  if (isReplyError(error)) return error;
  return new ConnectionError(`The connection was lost during a read: ${messageOf(error)}`, {
    cause: error,
  });
}
