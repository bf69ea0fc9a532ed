import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, vi } from 'vitest';
import type { Ready } from '../../../sample/notifications/process/run-service.js';
import { findServerBinary } from '../../../sample/support/server-binary.js';
import { choosePort } from '../../../sample/support/server-port.js';
import { closeAfterTest } from '../../support/app.js';

/** The name of the Redis server's program, as its process shows it. */
export const REDIS_SERVER = basename(await findServerBinary());

const BUILT = new URL('../../../dist-sample/notifications/', import.meta.url);

/** Each test has users of its own. They are faster than users with a keyboard. */
const TEST_USERS = { GUEST_PREFIX: 'user-', CHANGE_LIMIT: '100000' };

/** A process of the sample: its output, its end, and the processes that it started. */
export class BuiltProcess {
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
  protected readonly child: ChildProcess;
  #output = '';

  constructor(
    program: string,
    env: NodeJS.ProcessEnv,
    hasChannel: boolean,
    args: readonly string[] = [],
  ) {
    this.child = spawn(process.execPath, [fileURLToPath(new URL(program, BUILT)), ...args], {
      env: { ...process.env, REDIS_URL: undefined, PORT: '0', ...TEST_USERS, ...env },
      stdio: ['ignore', 'pipe', 'pipe', hasChannel ? 'ipc' : 'ignore'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
    this.exited = new Promise((resolve) => {
      this.child.once('close', (code, signal) => resolve({ code, signal }));
    });
  }

  get output(): string {
    return this.#output;
  }

  get lines(): string[] {
    return this.#output.split('\n');
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Stops it, unless it has ended. */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    await this.exited;
  }

  /** The processes that it started. */
  async descendants(): Promise<RunningProcess[]> {
    const all = await listProcesses();
    const found: RunningProcess[] = [];
    let parents = [this.child.pid];
    while (parents.length > 0) {
      const children = all.filter(({ parent }) => parents.includes(parent));
      found.push(...children);
      parents = children.map(({ pid }) => pid);
    }
    return found;
  }

  /** Resolves when its output contains the text. */
  protected printed(text: string): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (this.#output.includes(text)) resolve();
      };
      check();
      this.child.stdout?.on('data', check);
    });
  }

  /** Rejects with its output when it ends. */
  protected async failed(): Promise<never> {
    await this.exited;
    throw new Error(`It ended; was the sample built?\n${this.#output}`);
  }
}

/** The built sample, started as its users start it, on ports of its own. */
export class SampleProcess extends BuiltProcess {
  constructor(env: NodeJS.ProcessEnv = {}, program = 'start.js') {
    // Not port 0: an outgoing connection could take the port of a gateway that is down, and its restart would fail.
    super(program, { PORT: String(choosePort(3)), ...env }, false);
  }

  /** The URLs of the two gateways. */
  get gatewayUrls(): string[] {
    return [...this.output.matchAll(/^ {2}(http:\/\/localhost:\d+)$/gm)].map(
      ([, url]) => url ?? '',
    );
  }

  /** The port of the Redis that it started. */
  get redisPort(): number {
    return Number(/redis-cli -p (\d+)/.exec(this.output)?.[1]);
  }

  /** Resolves when the sample has printed that it is ready. */
  async ready(): Promise<this> {
    await Promise.race([this.failed(), this.printed('PSUBSCRIBE')]);
    return this;
  }

  /** The id of the process that runs this program, with all these variables in its environment. */
  async pidOf(program: string, ...variables: string[]): Promise<number> {
    const running = (await this.descendants()).filter(({ command }) => command.includes(program));
    const candidates = await Promise.all(
      running.map(async ({ pid }) => ({ pid, text: await describe(pid) })),
    );
    const found = candidates.filter(({ text }) => variables.every((it) => text.includes(it)));
    const [first] = found;
    if (found.length !== 1 || !first) {
      const words = [program, ...variables].join(' ');
      throw new Error(`Expected one process with ${words}, found ${found.length}`);
    }
    return first.pid;
  }
}

/** The built assistant with its two instances, on ports of its own. */
export class AssistantProcess extends BuiltProcess {
  constructor(env: NodeJS.ProcessEnv = {}) {
    super('../assistant/main.js', { PORT: String(choosePort(2)), ...env }, false);
  }

  /** The port of the Redis that it started. */
  get redisPort(): number {
    return Number(/redis-cli -p (\d+)/.exec(this.output)?.[1]);
  }

  /** The addresses of its instances. */
  get urls(): string[] {
    return [...this.output.matchAll(/^ {2}(http:\/\/localhost:\d+)$/gm)].map(
      ([, url]) => url ?? '',
    );
  }

  /** Resolves when it has printed that it is ready. */
  async ready(): Promise<this> {
    await Promise.race([this.failed(), this.printed('SHUTDOWN NOSAVE')]);
    return this;
  }
}

/** One process of a service by itself, as the README starts another instance. */
export class ServiceProcess extends BuiltProcess {
  readonly #ready: Promise<Ready>;

  constructor(service: 'activity' | 'gateway' | 'notifications', env: NodeJS.ProcessEnv) {
    super(`${service}/main.js`, env, true);
    const ready = new Promise<Ready>((resolve) => {
      this.child.once('message', (message) => resolve(message as Ready));
    });
    this.#ready = Promise.race([this.failed(), ready]);
    this.#ready.catch(() => undefined);
  }

  /** Resolves to its address when it is ready. */
  async url(): Promise<string> {
    const { port } = await this.#ready;
    return `http://localhost:${port}`;
  }

  /** Resolves to the address of its metrics and its health when it is ready; `undefined` where these are off. */
  async monitoringUrl(): Promise<string | undefined> {
    const { monitoringPort } = await this.#ready;
    return monitoringPort === undefined ? undefined : `http://localhost:${monitoringPort}`;
  }
}

/** The sample, ready; stopped after the test. */
export async function startSample(env: NodeJS.ProcessEnv = {}): Promise<SampleProcess> {
  const sample = new SampleProcess(env);
  closeAfterTest(() => sample.stop());
  return sample.ready();
}

/** One process of a service, ready; stopped after the test. */
export async function startService(
  ...[service, env]: ConstructorParameters<typeof ServiceProcess>
): Promise<ServiceProcess> {
  const started = new ServiceProcess(service, env);
  closeAfterTest(() => started.stop());
  await started.url();
  return started;
}

/** Suspends a service until SIGCONT or the end of the test. */
export function hang(service: ServiceProcess): void {
  service.signal('SIGSTOP');
  // Cleanups run in reverse order: the service continues before any process that waits for it stops.
  closeAfterTest(async () => service.signal('SIGCONT'));
}

/** Resolves when none of these processes is left. */
export function gone(processes: readonly { pid: number }[]): Promise<void> {
  const check = async (): Promise<void> => {
    const alive = new Set((await listProcesses()).map(({ pid }) => pid));
    expect(processes.filter(({ pid }) => alive.has(pid))).toEqual([]);
  };
  // A longer interval than that of other checks: listing all processes takes CPU time.
  return vi.waitFor(check, { timeout: 20_000, interval: 200 });
}

interface RunningProcess {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

async function listProcesses(): Promise<RunningProcess[]> {
  const stdout = await ps('-A', '-o', 'pid=,ppid=,stat=,args=');
  return stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , state]) => state && !state.startsWith('Z'))
    .map(([pid, parent, , ...args]) => ({
      pid: Number(pid),
      parent: Number(parent),
      command: args.join(' '),
    }));
}

/** The command line and the environment of a process; empty for one that has ended. */
function describe(pid: number): Promise<string> {
  return ps('eww', '-o', 'args=', '-p', String(pid)).catch(() => '');
}

async function ps(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('ps', args);
  return stdout;
}
