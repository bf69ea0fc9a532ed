import { describe, expect, it } from 'vitest';
import { TopologyFailures } from '../../../../src/broker/cluster/topology-failures.js';
import { failureOf } from '../../../../src/broker/connection/connect-failure.js';
import { QueryError } from '../../../../src/broker/connection/one-off-query.js';
import { replyError } from '../fake-client.js';

const failed = (reason: string, isOpen: boolean): QueryError =>
  new QueryError(failureOf(new Error(reason)), { isOpen });

const dead = failed('connect ECONNREFUSED', false);
const wrongPassword = replyError('WRONGPASS no.');

function create() {
  const lines: string[] = [];
  const failures = new TopologyFailures({
    log: () => undefined,
    warn: (line) => lines.push(line),
    error: () => undefined,
  });
  const round = (errors: Record<string, unknown>): void => {
    failures.startRound();
    for (const [address, error] of Object.entries(errors)) failures.add(address, error);
    failures.failed();
  };
  return { failures, lines, round };
}

describe('TopologyFailures', () => {
  it.each<[string, Record<string, unknown>, string]>([
    [
      'no connection',
      { 'b:2': failed('timeout', false), 'a:1': dead },
      'is reachable: a:1: connect ECONNREFUSED, b:2: timeout',
    ],
    [
      'an answer that is not of Redis',
      { 'a:1': failed('HTTP', true) },
      'gave a usable answer: a:1: HTTP',
    ],
    [
      'a reply beside a dead node',
      { 'a:1': dead, 'b:2': wrongPassword },
      'accepts the connection: a:1: connect ECONNREFUSED, b:2: WRONGPASS no',
    ],
    [
      'its own address',
      { 'a:1': new Error('a:1 knows of no slots') },
      'gave a usable answer: a:1 knows of no slots',
    ],
  ])('says of each node why, for %s', (_, errors, expected) => {
    const { failures, round } = create();
    round(errors);
    expect(failures.toError().message).toBe(
      `No node of the Cluster ${expected}. Connection is closed.`,
    );
  });

  it('says why the last whole round failed while the next one has no failure yet', () => {
    const { failures, round } = create();
    round({ 'a:1': wrongPassword });
    failures.startRound();
    expect(failures.isLoginRefused).toBe(true);
    expect(failures.toError().message).toBe(
      'No node of the Cluster accepts the connection: a:1: WRONGPASS no. Connection is closed.',
    );
    failures.add('b:2', dead);
    failures.failed();
    expect(failures.toError().message).toContain('is reachable: b:2: connect ECONNREFUSED.');
  });

  it('names five nodes, and counts the others', () => {
    const { failures, round } = create();
    round(Object.fromEntries([1, 2, 3, 4, 5, 6, 7].map((port) => [`a:${port}`, dead])));
    expect(failures.toError().message).toContain('a:5: connect ECONNREFUSED and 2 more.');
    expect(failures.toError().message).not.toContain('a:6');
  });

  it('knows that one of the nodes refused the login', () => {
    const { failures, round } = create();
    round({ 'a:1': wrongPassword, 'b:2': dead });
    expect(failures.isLoginRefused).toBe(true);
    round({ 'a:1': dead, 'b:2': dead });
    expect(failures.isLoginRefused).toBe(false);
  });

  it('logs a failure once whatever the order of the nodes, and again when its reason has changed for two rounds', () => {
    const { lines, round } = create();
    round({ 'a:1': dead, 'b:2': wrongPassword });
    round({ 'b:2': wrongPassword, 'a:1': dead });
    expect(lines).toHaveLength(1);
    round({ 'a:1': dead });
    expect(lines).toHaveLength(1);
    round({ 'a:1': dead });
    round({ 'a:1': dead });
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain('retrying (a:1: connect ECONNREFUSED)');
  });

  it('logs the recovery after a failure, and only then', () => {
    const { failures, lines, round } = create();
    failures.recovered('a:1');
    expect(lines).toEqual([]);
    round({ 'a:1': dead });
    failures.recovered('a:1');
    failures.recovered('a:1');
    expect(lines.slice(1)).toEqual(['The Cluster answers CLUSTER NODES again, at a:1']);
  });
});
