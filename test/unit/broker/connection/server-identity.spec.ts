import { describe, expect, it } from 'vitest';
import { askIdentity, identityIn } from '../../../../src/broker/connection/server-identity.js';
import { FakeClient, replyError } from '../fake-client.js';

const INFO = {
  server: '# Server\r\nrun_id:abc\r\n',
  replication: '# Replication\r\nrole:slave\r\n',
};

/** A client whose server answers these commands, and refuses all others. */
function answering(answers: Record<string, unknown>): FakeClient {
  const client = new FakeClient();
  client.onCommand = ({ name, args, resolve, reject }) => {
    const answer = answers[[name, ...args].join(' ')];
    if (answer === undefined) reject(replyError('NOPERM'));
    else resolve(answer);
  };
  return client;
}

describe('askIdentity', () => {
  it('asks for one section at a time', async () => {
    const client = answering({ 'INFO server': INFO.server, 'INFO replication': INFO.replication });
    expect(await askIdentity(client.redis)).toEqual({ runId: 'abc', role: 'replica' });
    expect(client.commands).toEqual(['INFO server', 'INFO replication']);
  });

  it.each([
    [{ ROLE: ['master', 0, []] }, { role: 'master', isUntold: true }],
    [{ ROLE: ['slave', '10.0.0.1', 6379] }, { role: 'replica', isUntold: true }],
    [{ 'INFO server': INFO.server }, { runId: 'abc' }],
    [{ 'INFO server': 'x_run_id:abc\r\n', ROLE: 'none' }, { isUntold: true }],
    [{}, { isUntold: true }],
  ])('of a server that answers %o is %o', async (answers, expected) => {
    expect(await askIdentity(answering(answers).redis)).toEqual(expected);
  });
});

describe('identityIn', () => {
  it.each([
    [
      { run_id: 'abc', role: 'master' },
      { runId: 'abc', role: 'master' },
    ],
    [{ role: 'slave' }, { role: 'replica' }],
    [{ role: 'sentinel' }, {}],
    [{}, {}],
  ])('of %o is %o', (info, expected) => {
    expect(identityIn(info)).toEqual(expected);
  });
});
