import { execFile, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { closeAfterTest } from '../../support/app.js';
import { eventually } from '../../support/redis.js';

const START = fileURLToPath(
  new URL('../../../dist-sample/notifications/start.js', import.meta.url),
);

/** The built sample, started as its users start it, on a free port. */
export class SampleProcess {
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
  readonly #child;
  #output = '';

  constructor(env: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(process.execPath, [START], {
      env: { ...process.env, REDIS_URL: undefined, PORT: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
    this.exited = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => resolve({ code, signal }));
    });
  }

  get output(): string {
    return this.#output;
  }

  get lines(): string[] {
    return this.#output.split('\n');
  }

  get url(): string {
    return /listens at (http:\S+);/.exec(this.#output)?.[1] ?? '';
  }

  /** Resolves when the sample has said what to try. */
  async ready(): Promise<this> {
    const dead = this.exited.then(() => {
      throw new Error(`The sample ended; build it first.\n${this.#output}`);
    });
    await Promise.race([dead, eventually(() => this.#output.includes('PSUBSCRIBE'))]);
    return this;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The processes that it started, by their id. */
  async descendants(): Promise<{ pid: number; command: string }[]> {
    const all = await listProcesses();
    const found: typeof all = [];
    let parents = [this.#child.pid];
    while (parents.length > 0) {
      const children = all.filter(({ parent }) => parents.includes(parent));
      found.push(...children);
      parents = children.map(({ pid }) => pid);
    }
    return found;
  }

  /** Stops it, unless it has ended. */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    await this.exited;
  }
}

/** The sample, ready; stopped after the test. */
export async function startSample(env: NodeJS.ProcessEnv = {}): Promise<SampleProcess> {
  const sample = new SampleProcess(env);
  closeAfterTest(() => sample.stop());
  return sample.ready();
}

/** Resolves when none of these processes is left. */
export function gone(processes: readonly { pid: number }[]): Promise<void> {
  return eventually(async () => {
    const alive = new Set((await listProcesses()).map(({ pid }) => pid));
    return processes.every(({ pid }) => !alive.has(pid));
  });
}

async function listProcesses() {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,stat=,args=']);
  return stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .map(([pid, parent, state = '', ...args]) => ({
      pid: Number(pid),
      parent: Number(parent),
      state,
      command: args.join(' '),
    }))
    .filter(({ state }) => !state.startsWith('Z'));
}
