import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { PubSubGap } from 'nestjs-redis-pubsub';
import type { Lane } from '../chaos/ledger.js';
import type { Contestant } from './contestants.js';

/** One message that arrived. */
export interface Hearing {
  readonly number: number;
  readonly at: number;
}

/** One way in which an application can learn that something is wrong. */
export type SignalKind = 'status' | 'log' | 'event' | 'gap';

/** Something that an application was told of. */
export interface Signal {
  readonly kind: SignalKind;
  readonly text: string;
  readonly at: number;
}

type Told = { readonly at: number } & (
  | { readonly kind: 'starting' | 'ready' | 'gave up' }
  | { readonly kind: 'heard'; readonly number: number }
  | { readonly kind: 'status' | 'log' | 'event'; readonly text: string }
  | ({ readonly kind: 'gap' } & PubSubGap)
);

/** A contestant in a process of its own, and all that is known of it. */
export class Participant {
  readonly heard: Hearing[] = [];
  readonly signals: Signal[] = [];
  readonly gaps: PubSubGap[] = [];
  /** When it said that it listens: at its start, and after each reconnection. */
  readonly readyAt: number[] = [];
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #last = -1;
  #isStarting = false;
  #hasGivenUp = false;
  #isLeaving = false;
  #output = '';
  #death: string | undefined;

  constructor(
    readonly contestant: Contestant,
    readonly lane: Lane,
    connection: object,
  ) {
    const script = fileURLToPath(new URL(`subscribers/${contestant.script}`, import.meta.url));
    const args = [JSON.stringify(contestant.optionsFor(connection)), lane.channel];
    this.#child = fork(script, args, { execArgv: [], silent: true, serialization: 'advanced' });
    this.#child.stdout?.on('data', (bytes: Buffer) => (this.#output += bytes.toString()));
    this.#child.stderr?.on('data', (bytes: Buffer) => (this.#output += bytes.toString()));
    this.#child.on('message', (told: Told) => this.#note(told));
    this.#closed = once(this.#child, 'close').then(([code]) => this.#onClose(code as number));
  }

  /** Whether it is about to connect, or has. */
  get isStarting(): boolean {
    return this.#isStarting;
  }

  /** What its process died of; undefined while it lives. */
  get death(): string | undefined {
    return this.#death;
  }

  /** Whether it can hear nothing more, whatever happens: it is dead, or tries no more. */
  get isOver(): boolean {
    return this.#hasGivenUp || this.#death !== undefined;
  }

  /** The highest number that it heard. */
  get last(): number {
    return this.#last;
  }

  /** Whether it heard the last message that Redis accepted. */
  get hasHeardTheLast(): boolean {
    const all = [...this.lane.publications.values()];
    return this.#last === all.findLast(({ outcome }) => outcome === 'accepted')?.number;
  }

  /** Whether it heard something that was published later than that. */
  hasHeardSince(time: number): boolean {
    return (this.lane.publications.get(this.#last)?.sentAt ?? 0) > time;
  }

  /** Resolves when its process is gone. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  #note(told: Told): void {
    const { at } = told;
    switch (told.kind) {
      case 'starting':
        this.#isStarting = true;
        break;
      case 'ready':
        this.readyAt.push(at);
        break;
      case 'gave up':
        this.#hasGivenUp = true;
        break;
      case 'heard':
        this.heard.push({ number: told.number, at });
        this.#last = Math.max(this.#last, told.number);
        break;
      case 'gap':
        this.gaps.push({ from: told.from, to: told.to });
        this.signals.push({ kind: 'gap', text: 'gap', at });
        break;
      default:
        this.signals.push({ kind: told.kind, text: told.text, at });
    }
  }

  #onClose(code: number | null): void {
    if (this.#isLeaving) return;
    const reason = /^\w*Error(?: \[\w+\])?: .*$/m.exec(this.#output)?.[0];
    this.#death = reason ?? `exit code ${code}: ${this.#output.trim().split('\n').at(-1)}`;
  }
}
