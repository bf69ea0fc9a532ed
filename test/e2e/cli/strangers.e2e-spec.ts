import { describe, expect, it } from 'vitest';
import { TestTerminal } from '../../support/command-line.js';
import { closeAfterTest } from '../../support/app.js';
import { useRedis } from '../../support/redis.js';
import { startInstance, UserHandlers } from '../introspection/fleet.js';

const PREFIX = 'shop:';

describe('the command line, with answers that no instance has sent', () => {
  const redis = useRedis();

  /** Answers each question with the same changes to what an instance tells. */
  async function forge(changes: (info: Record<string, unknown>) => object): Promise<void> {
    const [listener, sender] = [redis.client.duplicate(), redis.client.duplicate()];
    closeAfterTest(async () => [listener, sender].forEach((it) => it.disconnect()));
    listener.on('message', (_channel: string, text: string) => {
      const { id, replyTo } = JSON.parse(text) as { id: string; replyTo: string };
      const access = {
        reservedSegment: '_pubsub',
        introspectionChannel: `_pubsub.instances.${PREFIX}`,
        globs: [],
        handshake: [],
      };
      const info = { id: 'forged', name: 'users', version: '1', prefix: PREFIX, access };
      const instance = { ...info, startedAt: new Date(), handlers: [], ...changes(info) };
      void sender.publish(replyTo, JSON.stringify({ id, instance }));
    });
    await listener.subscribe(`_pubsub.instances.${PREFIX}`);
  }

  const acl = async (...args: string[]) => {
    await startInstance(redis, { name: 'users', prefix: PREFIX }, { providers: [UserHandlers] });
    const terminal = new TestTerminal(false, { REDIS_URL: redis.url });
    const code = await terminal.run('acl', '--prefix', PREFIX, '--timeout', '5000', ...args);
    return { code, lines: terminal.output.split('\n').slice(0, -1), errors: terminal.errors };
  };

  it('ignores those of another prefix, which would allow other channels', async () => {
    await forge(() => ({ prefix: '' }));
    const { code, lines, errors } = await acl('--service', 'users');
    expect(errors).toContain('# 1 answers are not from instances of this prefix');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(' &shop:* ');
    expect(lines[0]).not.toContain(' &* ');
    expect(code).toBe(0);
  });

  it('leaves out channels outside the prefix', async () => {
    await forge(({ access }) => ({ access: { ...(access as object), globs: ['*', 'other:*'] } }));
    const { lines, errors } = await acl('--service', 'users');
    expect(errors).toContain('left out, since it is outside the prefix: "*", "other:*"');
    expect(lines[0]).toContain(' &shop:user.* ');
    expect(lines[0]).not.toMatch(/ &(other:)?\* /);
  });

  it.each([
    ['admin', '# admin: 1 instance'],
    ['bad name', '# bad name: 1 instance; no name of a user, so it needs --user'],
    ['x\nACL SETUSER admin', String.raw`# x\u000aACL SETUSER admin: 1 instance`],
  ])('print no line for a user of their choice: %j', async (name, listed) => {
    await forge(() => ({ name }));
    const { code, lines, errors } = await acl();
    expect({ code, lines }).toEqual({ code: 2, lines: [] });
    expect(errors).toContain(listed);
    expect(errors).toContain('Expected --service with a service that you know');
  });

  it('write no character that acts on a terminal into JSON', async () => {
    const name = 'a\u001b[2J\u007f\u009b1m\u202e\u{e0001}z';
    await forge(() => ({ name }));
    const terminal = new TestTerminal(false, { REDIS_URL: redis.url });
    const json = ['--json', '--prefix', PREFIX, '--timeout', '1000'];
    expect(await terminal.run('acl', '--service', name, '--user', 'u', ...json)).toBe(0);
    expect(terminal.output).not.toMatch(/[^\n\P{C}]/u);
    expect(JSON.parse(terminal.output)).toMatchObject([{ service: name }]);
    expect(await terminal.run('acl', ...json)).toBe(2);
    expect(terminal.output).not.toMatch(/[^\n\P{C}]/u);
    expect(terminal.errors).not.toMatch(/[^\n\P{Cc}]/u);
  });

  it('prints no line for the default user of Redis unless it is named', async () => {
    await forge(() => ({ name: 'default' }));
    const { code, lines, errors } = await acl('--service', 'default');
    expect(errors).toContain('Expected --user for the service "default"');
    expect({ code, lines }).toEqual({ code: 2, lines: [] });
  });
});
