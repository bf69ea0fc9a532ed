import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ServerInfo } from '../../../../src/broker/connection/ioredis-internals.js';
import { OutputBufferWatch } from '../../../../src/broker/subscribing/output-buffer-watch.js';
import { telemetry } from '../../../../src/telemetry.js';
import { FakeLog } from '../fake-client.js';

const info = (runId: string, disconnections?: number): ServerInfo => ({
  run_id: runId,
  ...(disconnections !== undefined && {
    client_output_buffer_limit_disconnections: String(disconnections),
  }),
});

/** INFO is refused. */
const REFUSED: ServerInfo = {};

/** The log after connections at servers that answer INFO like this. */
function logOf(...answers: ServerInfo[]): string[] {
  const log = new FakeLog();
  const watch = new OutputBufferWatch('test', log);
  for (const answer of answers) watch.onInfo(answer);
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

  it('warns of clients that were disconnected since the last connection', () => {
    expect(logOf(info('a', 4), info('a', 6))).toEqual([
      'warn: The subscriber reconnected, and since its last connection Redis disconnected 2 clients whose output buffers were full. If this process was one of them, handle messages faster or raise client-output-buffer-limit',
    ]);
    expect(published).toEqual([{ transport: 'test', connections: 2 }]);
  });

  it('counts from each connection, not from the first', () => {
    expect(logOf(info('a', 0), info('a', 5), info('a', 5))).toHaveLength(1);
    expect(published).toEqual([{ transport: 'test', connections: 5 }]);
  });

  it.each([
    ['at the first connection', [info('a', 5)]],
    ['when none was disconnected', [info('a', 5), info('a', 5)]],
    ['after a restart of the server', [info('a', 1), info('b', 5)]],
    ['when the counter was reset', [info('a', 5), info('a', 0)]],
    ['of a server without the counter', [info('a'), info('a')]],
    ['when INFO is refused', [REFUSED, REFUSED]],
    ['when INFO was refused before', [REFUSED, info('a', 5)]],
    ['when a later INFO is refused', [info('a', 5), REFUSED]],
  ])('is silent %s', (_, answers) => {
    expect(logOf(...answers)).toEqual([]);
    expect(published).toEqual([]);
  });
});
