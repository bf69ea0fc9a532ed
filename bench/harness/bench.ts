import type { LoadCommands } from '../load/load.js';
import { startChild, type Child, type ChildOptions, type Remote } from './child.js';
import { RedisServer } from './redis-server.js';
import { middleOf } from './statistics.js';
import type { Subjects } from './subjects.js';
import { Turns } from './turns.js';

export interface BenchSettings {
  readonly isQuick: boolean;
  /** See `BenchOptions`. */
  readonly profiles: string | undefined;
  /** Told of every step. */
  readonly onProgress: (text: string) => void;
}

/** How much of something in a full run, and in a quick one. */
export interface Amount<Value> {
  readonly full: Value;
  readonly quick: Value;
}

const ROUNDS: Amount<number> = { full: 5, quick: 1 };
/** Several short samples in a round: on a shared machine their median says more than a long one. */
export const SAMPLES: Amount<number> = { full: 5, quick: 1 };

/** What measures work with: one Redis, one process that sends, and processes under test. */
export class Bench {
  readonly #settings: BenchSettings;
  #redis: RedisServer;
  #load: Child<LoadCommands>;

  private constructor(settings: BenchSettings, redis: RedisServer) {
    this.#settings = settings;
    this.#redis = redis;
    this.#load = startLoad(redis);
  }

  static async start(settings: BenchSettings): Promise<Bench> {
    return new Bench(settings, await RedisServer.start());
  }

  get redis(): RedisServer {
    return this.#redis;
  }

  /** The process that sends the load. */
  get load(): Remote<LoadCommands> {
    return this.#load.commands;
  }

  /** Replaces Redis and the process that sends: a server is slower for what it had to hold before. */
  async renew(): Promise<void> {
    await this.close();
    this.#redis = await RedisServer.start();
    this.#load = startLoad(this.#redis);
  }

  /** Runs something with a Redis and a process that sends of its own, and ends them when it is done. */
  async apart<Result>(run: (bench: Bench) => Promise<Result>): Promise<Result> {
    const bench = await Bench.start(this.#settings);
    try {
      return await run(bench);
    } finally {
      await bench.close();
    }
  }

  /** The amount for this run. */
  pick<Value>({ full, quick }: Amount<Value>): Value {
    return this.#settings.isQuick ? quick : full;
  }

  /**
   * Runs every case once per round, so that a machine that grows slower does so for all, and no case
   * always comes first. Returns the results of each, in the order of the rounds.
   */
  interleave<Case extends string, Result>(
    cases: readonly Case[],
    run: (name: Case) => Promise<Result>,
    rounds: Amount<number> = ROUNDS,
  ): Promise<ReadonlyMap<Case, readonly Result[]>> {
    return this.alternate(cases, (name, turns) => turns.take(() => run(name)), rounds);
  }

  /**
   * As {@link interleave}, but all cases of a round are there at the same time and take turns: what is
   * compared was measured next to each other.
   */
  async alternate<Case extends string, Result>(
    cases: readonly Case[],
    run: (name: Case, turns: Turns) => Promise<Result>,
    rounds: Amount<number> = ROUNDS,
  ): Promise<ReadonlyMap<Case, readonly Result[]>> {
    const results = new Map(cases.map((name): [Case, Result[]] => [name, []]));
    const count = this.pick(rounds);
    for (let round = 0; round < count; round++) {
      this.#settings.onProgress(`round ${round + 1} of ${count}`);
      const turns = new Turns();
      const runs = inRotation(cases, round).map(async (name) => {
        results.get(name)?.push(await run(name, turns));
      });
      await Promise.all(runs);
    }
    return results;
  }

  /** Runs something so many times, one after the other, and returns all results. */
  async repeat<Result>(times: Amount<number>, run: () => Promise<Result>): Promise<Result[]> {
    const results: Result[] = [];
    for (let i = 0; i < this.pick(times); i++) results.push(await run());
    return results;
  }

  /**
   * Runs something as often as there are samples, in turn with others where there are any, and returns
   * the result in the middle, by a number of each.
   */
  async sample<Result>(
    run: () => Promise<Result>,
    numberOf: (result: Result) => number,
    turns = new Turns(),
  ): Promise<Result> {
    return middleOf(await turns.repeat(this.pick(SAMPLES), run), numberOf);
  }

  /** Starts a process under test, and ends it when `use` is done with it. */
  async withSubject<Name extends keyof Subjects, Result>(
    name: Name,
    use: (subject: Remote<Subjects[Name]>) => Promise<Result>,
    options: ChildOptions = {},
  ): Promise<Result> {
    const { profiles } = this.#settings;
    const profiling = profiles ? ['--cpu-prof', `--cpu-prof-dir=${profiles}`] : [];
    const child = startChild<Subjects[Name]>(new URL(`../subjects/${name}.js`, import.meta.url), {
      ...options,
      nodeOptions: [...(options.nodeOptions ?? []), ...profiling],
    });
    try {
      return await use(child.commands);
    } finally {
      await child.stop();
    }
  }

  async close(): Promise<void> {
    await this.#load.stop();
    await this.#redis.stop();
  }
}

/** All cases, and in each round another one first. */
function inRotation<Case>(cases: readonly Case[], round: number): Case[] {
  const first = round % cases.length;
  return [...cases.slice(first), ...cases.slice(0, first)];
}

function startLoad(redis: RedisServer): Child<LoadCommands> {
  return startChild(new URL('../load/load.js', import.meta.url), { args: [String(redis.port)] });
}
