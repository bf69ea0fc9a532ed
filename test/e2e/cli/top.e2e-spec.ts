import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { createClient } from '../../support/app.js';
import { TestTerminal } from '../../support/command-line.js';
import { eventually, useRedis } from '../../support/redis.js';
import { OrderHandlers, startInstance } from '../introspection/fleet.js';

const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';

describe('the command line: top', () => {
  const redis = useRedis();
  const start = async (prefix: string) => {
    const instance = await startInstance(
      redis,
      { name: 'orders', prefix },
      { controllers: [OrderHandlers] },
    );
    await instance.service.subscribe('seen', () => undefined);
    return instance;
  };
  const args = (prefix: string, ...more: string[]): string[] => {
    const fast = ['--timeout', '5000', '--interval', '250'];
    return ['top', '--url', redis.url, '--prefix', prefix, ...fast, ...more];
  };

  it('prints one snapshot without a terminal, with no escape sequence', async () => {
    const prefix = 'once:';
    await start(prefix);
    const client = createClient({ connection: redis.url, prefix });
    await firstValueFrom(client.emit('order.created', 'fail'));
    await firstValueFrom(client.emit('order.nothing\x1b[2J', 'x'));
    const terminal = new TestTerminal();
    expect(await terminal.run(...args(prefix))).toBe(0);
    expect(terminal.errors).toBe('');
    expect(terminal.output).not.toContain('\x1b');
    expect(terminal.output).toMatch(/^1 instances {2}in 0\/s/);
    expect(terminal.output).toMatch(/orders +order\.\* +event +0 +1 +0 +0 +0 +0/);
    expect(terminal.output).toMatch(/^seen +1$/m);
    expect(terminal.output).toMatch(/^orders +[\da-f-]{36} +connected/m);
  });

  it('prints one snapshot as JSON', async () => {
    const prefix = 'json:';
    await start(prefix);
    const terminal = new TestTerminal(true);
    expect(await terminal.run(...args(prefix, '--json'))).toBe(0);
    const told = JSON.parse(terminal.output) as { instances: { name: string }[] };
    expect(told.instances.map(({ name }) => name)).toEqual(['orders']);
  });

  it('draws a table that follows keys, and gives the terminal back', async () => {
    const prefix = 'live:';
    const { service } = await start(prefix);
    const terminal = new TestTerminal(true);
    const { stdin } = terminal;
    const running = terminal.run(...args(prefix));
    await eventually(() => terminal.screen.some((line) => /order\.\* +event/.test(line)));
    expect(terminal.output.startsWith(ENTER)).toBe(true);
    expect(terminal.screen).toHaveLength(24);
    expect(terminal.screen.every((line) => line.length <= 80)).toBe(true);
    await service.publish('order.1', 1);
    await eventually(() => /order\.\* +event +[1-9]/.test(terminal.output));
    stdin.write('\x1b[C\x1b[C');
    await eventually(() => terminal.screen.some((line) => line.startsWith('seen')));
    stdin.write('/nothing\r');
    await eventually(() => terminal.screen.some((line) => line.includes('Nothing has "nothing"')));
    stdin.write('\x1b');
    await eventually(() => terminal.screen.some((line) => line.startsWith('seen')));
    stdin.write('q');
    expect(await running).toBe(0);
    expect(terminal.output.endsWith(LEAVE)).toBe(true);
    expect(stdin.rawModes).toEqual([true, false]);
    expect(terminal.exitListeners.size).toBe(0);
  });

  it('gives the terminal back when a signal ends it, and when the process exits', async () => {
    const prefix = 'signal:';
    await start(prefix);
    const terminal = new TestTerminal(true, { NO_COLOR: '1' });
    const running = terminal.run(...args(prefix));
    await eventually(() => terminal.screen.some((line) => line.includes('order.*')));
    expect(terminal.output).not.toContain('\x1b[1m');
    for (const listener of terminal.exitListeners) listener();
    expect(terminal.output.endsWith(LEAVE)).toBe(true);
    terminal.end();
    expect(await running).toBe(0);
    expect(terminal.output.split(LEAVE)).toHaveLength(2);
  });

  it('shows that Redis is down, and goes on', async () => {
    const prefix = 'down:';
    await start(prefix);
    const terminal = new TestTerminal(true);
    const running = terminal.run(...args(prefix));
    await eventually(() => terminal.screen.some((line) => line.includes('order.*')));
    await redis.stop();
    await eventually(() => terminal.screen[0]?.includes('Cannot ask') === true);
    expect(terminal.screen.some((line) => line.includes('order.*'))).toBe(true);
    await redis.start();
    await eventually(() => terminal.screen[0]?.includes('Cannot ask') === false);
    terminal.stdin.write('\x03');
    expect(await running).toBe(0);
  });

  it('ends with 1 without a terminal where Redis is down', async () => {
    const terminal = new TestTerminal();
    expect(await terminal.run('top', '--url', 'redis://127.0.0.1:1', '--timeout', '300')).toBe(1);
    expect(terminal.errors).not.toBe('');
    expect(terminal.output).toBe('');
  });
});
