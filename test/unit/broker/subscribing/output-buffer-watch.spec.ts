import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OutputBufferWatch } from '../../../../src/broker/subscribing/output-buffer-watch.js';
import { telemetry } from '../../../../src/telemetry.js';
import { FakeClient, FakeLog, replyError } from '../fake-client.js';

const info = (runId: string, disconnections?: number): string =>
  [
    `run_id:${runId}`,
    ...(disconnections === undefined
      ? []
      : [`client_output_buffer_limit_disconnections:${disconnections}`]),
    '',
  ].join('\r\n');

/** The log after connections at servers that answer INFO like this. */
async function logOf(...answers: (string | Error)[]): Promise<string[]> {
  const client = new FakeClient();
  const log = new FakeLog();
  const watch = new OutputBufferWatch(client.redis, log);
  for (const answer of answers) {
    client.onCommand = ({ resolve, reject }) =>
      answer instanceof Error ? reject(answer) : resolve(answer);
    await watch.onReady();
  }
  return log.lines;
}

describe('OutputBufferWatch', () => {
  let published: unknown[];
  const keep = (event: unknown): void => void published.push(event);
  beforeEach(() => {
    published = [];
    telemetry.overrun.subscribe(keep);
  });
  afterEach(() => telemetry.overrun.unsubscribe(keep));

  it('warns of clients that were disconnected since the last connection', async () => {
    expect(await logOf(info('a', 4), info('a', 6))).toEqual([
      'warn: The subscriber reconnected, and since its last connection Redis disconnected 2 clients whose output buffers were full. If this process was one of them, handle messages faster or raise client-output-buffer-limit',
    ]);
    expect(published).toEqual([{ connections: 2 }]);
  });

  it('counts from each connection, not from the first', async () => {
    expect(await logOf(info('a', 0), info('a', 5), info('a', 5))).toHaveLength(1);
    expect(published).toEqual([{ connections: 5 }]);
  });

  it.each([
    ['at the first connection', [info('a', 5)]],
    ['when none was disconnected', [info('a', 5), info('a', 5)]],
    ['after a restart of the server', [info('a', 1), info('b', 5)]],
    ['when the counter was reset', [info('a', 5), info('a', 0)]],
    ['of a server without the counter', [info('a'), info('a')]],
    ['when INFO is refused', [replyError('NOPERM'), replyError('NOPERM')]],
    ['when INFO was refused before', [replyError('NOPERM'), info('a', 5)]],
    ['when a later INFO is refused', [info('a', 5), replyError('NOPERM')]],
  ])('is silent %s', async (_, answers) => {
    expect(await logOf(...answers)).toEqual([]);
    expect(published).toEqual([]);
  });
});
