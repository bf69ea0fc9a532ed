import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { PubSubGap } from 'nestjs-redis-pubsub';
import type { Candidate } from './candidates.js';
import type { NumberedChannel } from './numbered-channel.js';
import { Recorder } from './recorder.js';

/** The ways in which an application can learn of a fault. */
export type ReportKind = 'status' | 'log' | 'event' | 'gap';

/** One report that an application received. */
export interface Report {
  readonly kind: ReportKind;
  readonly text: string;
  readonly at: number;
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  /** Everything that the process wrote. */
  readonly output: string;
}

/** A message of a script in the folder `candidates`. */
type ProcessMessage = { readonly at: number } & (
  | { readonly kind: 'starting' | 'ready' | 'gave up' }
  | { readonly kind: 'received'; readonly number: number }
  | { readonly kind: 'status' | 'log' | 'event'; readonly text: string }
  | ({ readonly kind: 'gap' } & PubSubGap)
);

/** The process of a candidate, and everything that it reports. */
export class CandidateProcess {
  readonly recorder: Recorder;
  readonly reports: Report[] = [];
  /** When the candidate reported that it is subscribed: at its start, and after each reconnection. */
  readonly readyAt: number[] = [];
  /** Resolves when the process has ended. */
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  #isStarting = false;
  #hasGivenUp = false;
  #isStopping = false;
  #output = '';
  #death: string | undefined;

  constructor(
    readonly candidate: Candidate,
    readonly channel: NumberedChannel,
    connection: object,
  ) {
    this.recorder = new Recorder(candidate.id, channel);
    const script = fileURLToPath(new URL(`candidates/${candidate.script}`, import.meta.url));
    const args = [JSON.stringify(candidate.optionsFor(connection)), channel.name];
    this.#child = fork(script, args, { execArgv: [], silent: true, serialization: 'advanced' });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (bytes: Buffer) => (this.#output += bytes.toString()));
    }
    this.#child.on('message', (message: ProcessMessage) => this.#onMessage(message));
    this.exited = once(this.#child, 'close').then(([code]) => this.#onClose(code as number));
  }

  /** Whether the candidate is about to connect, or has connected. */
  get isStarting(): boolean {
    return this.#isStarting;
  }

  /** Why the process ended by itself; undefined while it runs. */
  get death(): string | undefined {
    return this.#death;
  }

  /** Whether no further message can arrive: the process has ended, or its client stopped reconnecting. */
  get isOver(): boolean {
    return this.#hasGivenUp || this.#death !== undefined;
  }

  /** Stops the process; resolves when it has ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  #onMessage(message: ProcessMessage): void {
    const { at } = message;
    switch (message.kind) {
      case 'starting':
        this.#isStarting = true;
        break;
      case 'ready':
        this.readyAt.push(at);
        break;
      case 'gave up':
        this.#hasGivenUp = true;
        break;
      case 'received':
        this.recorder.record(message.number, at);
        break;
      case 'gap':
        this.recorder.gaps.push({ from: message.from, to: message.to });
        this.reports.push({ kind: 'gap', text: 'gap', at });
        break;
      default:
        this.reports.push({ kind: message.kind, text: message.text, at });
    }
  }

  #onClose(code: number | null): Exit {
    const output = this.#output;
    if (!this.#isStopping) {
      const reason = /^\w*Error(?: \[\w+\])?: .*$/m.exec(output)?.[0];
      this.#death = reason ?? `exit code ${code}: ${output.trim().split('\n').at(-1)}`;
    }
    return { code, output };
  }
}
