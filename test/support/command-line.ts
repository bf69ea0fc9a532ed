import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { run } from '../../src/cli/run.js';
import type { CommandContext } from '../../src/cli/command.js';

/** A terminal, or files, for a command that runs in the process of the test. */
export class TestTerminal implements CommandContext {
  env: Record<string, string | undefined>;
  output = '';
  errors = '';
  readonly stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    rawModes: [] as boolean[],
    setRawMode: (isRaw: boolean) => this.stdin.rawModes.push(isRaw),
  });
  readonly stdout: CommandContext['stdout'] & { emit(event: 'resize'): void; rows: number };
  readonly stderr = { write: (text: string) => (this.errors += text) };
  readonly exitListeners = new Set<() => void>();
  readonly #ended = new AbortController();

  constructor(isTTY = false, env: Record<string, string | undefined> = {}) {
    this.env = env;
    const stream = new PassThrough();
    this.stdout = Object.assign(stream, {
      isTTY,
      columns: 80,
      rows: 24,
      write: (text: string) => {
        this.output += text;
        return true;
      },
    });
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** As a signal such as SIGTERM. */
  end(): void {
    this.#ended.abort();
  }

  onExit(listener: () => void): () => void {
    this.exitListeners.add(listener);
    return () => this.exitListeners.delete(listener);
  }

  /** Runs a command line to its end; resolves to the exit code. */
  run(...args: string[]): Promise<number> {
    return run(args, this, () => '1.2.3');
  }

  /** What the terminal shows: the lines that were drawn last. */
  get screen(): string[] {
    const drawn = this.output.split('\x1b[H').at(-1) ?? '';
    return drawn.split('\r\n').map((line) => stripVTControlCharacters(line));
  }
}
