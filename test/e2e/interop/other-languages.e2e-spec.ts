import { Injectable } from '@nestjs/common';
import { MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { lastValueFrom, toArray } from 'rxjs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubService,
  Subscribe,
} from 'nestjs-redis-pubsub';
import { closeAfterTest } from '../../support/app.js';
import { outcomeOf } from '../../support/nest-app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startContext } from '../module/apps.js';

/** The programs of the page by their names, which stand in the first line of each. */
const PROGRAMS = new Map(
  [
    ...readFileSync('docs/reference/other-languages.md', 'utf8').matchAll(
      /^```(?:python|go)\n((?:#|\/\/) ([\w.]+): .*?)^```/gms,
    ),
  ].map(([, code = '', name = '']) => [name, code]),
);

const created: string[] = [];

@Injectable()
class Users {
  constructor(private readonly pubsub: RedisPubSubService) {}

  @Subscribe('user.created')
  onCreated(@Payload() user: { name: string }) {
    created.push(user.name);
    return this.pubsub.publish('user.welcomed', user, { format: 'json' });
  }

  @MessagePattern('user.get')
  get(@Payload() { id }: { id: number }) {
    if (id !== 7) throw new RpcException('no such user');
    return { id, name: 'Ada' };
  }
}

/** Whether a command can be run. */
function has(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Without the package of that name a stand-in with the same calls takes its place. */
const PYTHON_ENV = has('python3', '-c', 'import redis')
  ? {}
  : { PYTHONPATH: resolve('test/support/python') };

const LANGUAGES = [
  {
    language: 'Python',
    isInstalled: has('python3', '--version'),
    build: (): void => undefined,
    command: (name: string): string[] => ['python3', `${name}.py`],
    env: PYTHON_ENV,
    found: "{'id': 7, 'name': 'Ada'}",
  },
  {
    language: 'Go',
    isInstalled: has('go', 'version'),
    build: (folder: string): void => void execFileSync('go', ['build', 'main.go'], { cwd: folder }),
    command: (name: string): string[] => ['./main', name],
    env: {},
    found: 'map[id:7 name:Ada]',
  },
];

it('the page has its programs', () => {
  const names = ['publish.py', 'subscribe.py', 'request.py', 'respond.py', 'main.go'];
  expect([...PROGRAMS.keys()]).toEqual(names);
});

describe.each(LANGUAGES)('$language', ({ isInstalled, build, command, env, found }) => {
  describe.skipIf(!isInstalled)('as the page of other languages shows it', () => {
    const redis = useRedis();
    let folder = '';

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'other-languages-'));
      for (const [name, code] of PROGRAMS) writeFileSync(join(folder, name), code);
      build(folder);
    }, 180_000);
    afterAll(() => rmSync(folder, { recursive: true }));
    beforeEach(() => created.splice(0));

    /** Starts a program. It is killed after the test if it still runs. */
    function start(name: string, ...args: string[]) {
      const [file = '', ...before] = command(name);
      const child = spawn(file, [...before, ...args], {
        cwd: folder,
        env: { ...process.env, ...env, PYTHONUNBUFFERED: '1', REDIS_URL: redis.url },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      closeAfterTest(async () => child.kill('SIGKILL'));
      const output = { text: '' };
      child.stdout.on('data', (bytes: Buffer) => (output.text += bytes.toString()));
      child.stderr.on('data', (bytes: Buffer) => (output.text += bytes.toString()));
      const ended = once(child, 'close').then(([code]) => [code as number | null, output.text]);
      return { output, ended };
    }

    const startService = async () => {
      const { app } = await startContext({
        imports: [RedisPubSubModule.forRoot({ connection: redis.url, prefix: 'shop:' })],
        providers: [Users],
      });
      return { service: app.get(RedisPubSubService), client: app.get(RedisPubSubClient) };
    };

    it('publishes an event to a handler', async () => {
      await startService();
      expect(await start('publish').ended).toEqual([0, '1 subscriptions\n']);
      await eventually(() => created.length > 0);
      expect(created).toEqual(['Ada']);
    });

    it('receives the events that Nest publishes as bare JSON', async () => {
      const { service } = await startService();
      const { output } = start('subscribe');
      await redis.subscribers('shop:user.welcomed', 1);
      await service.publish('user.created', { name: 'Ada' });
      await eventually(() => output.text !== '');
      expect(output.text).toBe('welcome, Ada\n');
    });

    it('sends a request, and receives its reply or its error', async () => {
      await startService();
      expect(await start('request', '7').ended).toEqual([0, `${found}\n`]);
      const [code, text] = await start('request', '8').ended;
      expect([code, text]).toEqual([1, expect.stringMatching(/failed: .*no such user/)]);
    });

    it('learns that a request has no subscriber', async () => {
      const [code, text] = await start('request', '7').ended;
      expect([code, text]).toEqual([1, expect.stringContaining('no subscriber')]);
    });

    it.each(['inbox', 'compat'] as const)(
      'answers requests of Nest, and with errors (replies: "%s")',
      async (replies) => {
        const { app } = await startContext({
          imports: [RedisPubSubModule.forRoot({ connection: redis.url, prefix: 'shop:', replies })],
        });
        const client = app.get(RedisPubSubClient);
        start('respond');
        await redis.subscribers('shop:price.get', 1);
        expect(await outcomeOf(client.send('price.get', { sku: 'tea' }))).toEqual({ values: [3] });
        expect(await outcomeOf(client.send('price.get', { sku: 'milk' }))).toEqual({
          values: [],
          error: 'no price of milk',
        });
      },
    );

    it('answers sendAll, each instance for itself, and skips what is no request', async () => {
      const { client, service } = await startService();
      start('respond');
      start('respond');
      await redis.subscribers('shop:price.get', 2);
      await service.publish('price.get', { sku: 'tea' });
      const forged = { pattern: 'price.get', data: { sku: 'tea' }, id: 1, replyTo: 'shop:other' };
      await redis.client.publish('shop:price.get', JSON.stringify(forged));
      const replies$ = client.sendAll('price.get', { sku: 'coffee' });
      expect(await lastValueFrom(replies$.pipe(toArray()))).toEqual([{ value: 4 }, { value: 4 }]);
    });
  });
});
