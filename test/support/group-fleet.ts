import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { firstValueFrom } from 'rxjs';
import { RedisPubSubClient } from 'nestjs-redis-pubsub';
import { eventually } from './eventually.js';

/** What happens to a fleet while messages are published. */
export type FleetChange = 'join' | 'leave' | 'kill' | 'hang';

/** How often each number was handled. */
export interface FleetCounts {
  readonly twice: number;
  readonly lost: number;
}

const BATCH = 50;
const HANG_MS = 1_500;

/** Several processes of a service with one handler, and a publisher of numbered messages. */
export class GroupFleet {
  readonly #url: string;
  readonly #group: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'group-'));
  readonly #client: RedisPubSubClient;
  readonly #members: ChildProcess[] = [];
  readonly #hanging: Promise<void>[] = [];
  #started = 0;
  #published = 0;

  /** Without the name of a group each process handles each message. */
  constructor(url: string, group = '') {
    this.#url = url;
    this.#group = group;
    this.#client = new RedisPubSubClient({ connection: url });
  }

  async start(count: number): Promise<void> {
    await this.#client.connect();
    for (let i = 0; i < count; i++) await this.change('join');
  }

  /** Publishes messages, and makes a change at regular distances between them. */
  async publish(count: number, changes: readonly FleetChange[]): Promise<void> {
    const distance = Math.ceil(count / (changes.length + 1));
    const pending: Promise<unknown>[] = [];
    for (let i = 0; i < count; i += BATCH) {
      const numbers = Array.from({ length: BATCH }, () => this.#published++);
      const sent = numbers.map((it) => firstValueFrom(this.#client.emit(`order.${it % 4}`, it)));
      await Promise.all(sent);
      const change = changes[Math.floor(i / distance)];
      const isDue = Math.floor((i + BATCH) / distance) > Math.floor(i / distance);
      if (change && isDue) pending.push(this.change(change));
      // The members must be able to keep up.
      await delay(10);
    }
    await Promise.all([...pending, ...this.#hanging]);
  }

  async change(change: FleetChange): Promise<void> {
    if (change === 'join') return this.#join();
    const member = change === 'hang' ? this.#members[0] : this.#members.shift();
    if (!member) throw new Error('There is no member');
    if (change === 'hang') {
      member.kill('SIGSTOP');
      this.#hanging.push(delay(HANG_MS).then(() => void member.kill('SIGCONT')));
      return;
    }
    const exited = once(member, 'exit');
    member.kill(change === 'kill' ? 'SIGKILL' : 'SIGTERM');
    await exited;
  }

  /** Resolves to the counts when they no longer change. */
  async counts(): Promise<FleetCounts> {
    let before = -1;
    await eventually(async () => {
      const now = this.#handled().length;
      const isSame = now === before;
      before = now;
      if (!isSame) await delay(300);
      return isSame;
    });
    const times = new Map<number, number>();
    for (const number of this.#handled()) times.set(number, (times.get(number) ?? 0) + 1);
    return {
      twice: [...times.values()].filter((count) => count > 1).length,
      lost: this.#published - times.size,
    };
  }

  async close(): Promise<void> {
    for (const member of this.#members) member.kill('SIGKILL');
    await this.#client.close();
    rmSync(this.#folder, { recursive: true });
  }

  async #join(): Promise<void> {
    const file = join(this.#folder, String(this.#started++));
    const member = fork(new URL('group-member.mjs', import.meta.url), [
      this.#url,
      file,
      this.#group,
    ]);
    const [said] = (await once(member, 'message')) as [string];
    if (said !== 'ready') throw new Error(`A member cannot start: ${said}`);
    this.#members.push(member);
  }

  #handled(): number[] {
    const files = readdirSync(this.#folder).map((it) =>
      readFileSync(join(this.#folder, it), 'utf8'),
    );
    return files.flatMap((text) => text.split('\n').filter(Boolean).map(Number));
  }
}
