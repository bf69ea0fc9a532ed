import type { LoadCommands } from '../load/load.js';
import { startChild, type Child, type ChildOptions, type Remote } from './child.js';
import { RedisServer } from './redis-server.js';
import { middleOf } from './statistics.js';
import type { ProcessCommands } from './process-commands.js';
import { Mutex } from './mutex.js';

export interface BenchSettings {
  readonly isQuick: boolean;
  /** See `BenchOptions`. */
  readonly profiles: string | undefined;
  /** Called with a line of text at the start of each round. */
  readonly onProgress: (text: string) => void;
}

/** A setting with one value for a full run and another for a quick run. */
export interface FullOrQuick<Value> {
  readonly full: Value;
  readonly quick: Value;
}

const ROUNDS: FullOrQuick<number> = { full: 5, quick: 1 };
/** Samples in a round. On a shared machine the median of short samples varies less than one long sample. */
export const SAMPLES: FullOrQuick<number> = { full: 5, quick: 1 };

/** The fixtures of a measure: one Redis server, one load process, and the processes under test. */
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

  /** The process that publishes the load. */
  get load(): Remote<LoadCommands> {
    return this.#load.commands;
  }

  /** Replaces the Redis server and the load process: a server stays slower after it held many subscriptions. */
  async restart(): Promise<void> {
    await this.close();
    this.#redis = await RedisServer.start();
    this.#load = startLoad(this.#redis);
  }

  /** Calls `run` with a second bench that has its own Redis server and load process, and closes it afterwards. */
  async withOwnRedis<Result>(run: (bench: Bench) => Promise<Result>): Promise<Result> {
    const bench = await Bench.start(this.#settings);
    try {
      return await run(bench);
    } finally {
      await bench.close();
    }
  }

  /** The value for this run: full or quick. */
  pick<Value>({ full, quick }: FullOrQuick<Value>): Value {
    return this.#settings.isQuick ? quick : full;
  }

  /**
   * Runs every case once per round and rotates the first case. A machine that slows down during the run
   * then slows all cases alike. Returns the results of each case in the order of the rounds.
   */
  runInRounds<Case extends string, Result>(
    cases: readonly Case[],
    run: (name: Case) => Promise<Result>,
    rounds: FullOrQuick<number> = ROUNDS,
  ): Promise<ReadonlyMap<Case, readonly Result[]>> {
    return this.runSideBySide(cases, (name, mutex) => mutex.runExclusive(() => run(name)), rounds);
  }

  /**
   * As {@link runInRounds}, but the processes of all cases of a round run at the same time and share a
   * mutex, so that the samples that are compared are seconds apart.
   */
  async runSideBySide<Case extends string, Result>(
    cases: readonly Case[],
    run: (name: Case, mutex: Mutex) => Promise<Result>,
    rounds: FullOrQuick<number> = ROUNDS,
  ): Promise<ReadonlyMap<Case, readonly Result[]>> {
    const results = new Map(cases.map((name): [Case, Result[]] => [name, []]));
    const count = this.pick(rounds);
    for (let round = 0; round < count; round++) {
      this.#settings.onProgress(`round ${round + 1} of ${count}`);
      const mutex = new Mutex();
      const runs = inRotation(cases, round).map(async (name) => {
        results.get(name)?.push(await run(name, mutex));
      });
      await Promise.all(runs);
    }
    return results;
  }

  /** Calls `run` the given number of times in sequence and returns all results. */
  async repeat<Result>(times: FullOrQuick<number>, run: () => Promise<Result>): Promise<Result[]> {
    const results: Result[] = [];
    for (let i = 0; i < this.pick(times); i++) results.push(await run());
    return results;
  }

  /**
   * Calls `run` once per sample and returns the median result. `numberOf` gives the number that results
   * are sorted by. Cases that share `mutex` take their samples alternately.
   */
  async sample<Result>(
    run: () => Promise<Result>,
    numberOf: (result: Result) => number,
    mutex = new Mutex(),
  ): Promise<Result> {
    return middleOf(await mutex.repeat(this.pick(SAMPLES), run), numberOf);
  }

  /** Starts a process under test, passes its commands to `use`, and stops it afterwards. */
  async withProcess<Name extends keyof ProcessCommands, Result>(
    name: Name,
    use: (commands: Remote<ProcessCommands[Name]>) => Promise<Result>,
    options: ChildOptions = {},
  ): Promise<Result> {
    const { profiles } = this.#settings;
    const profiling = profiles ? ['--cpu-prof', `--cpu-prof-dir=${profiles}`] : [];
    const child = startChild<ProcessCommands[Name]>(
      new URL(`../processes/${name}.js`, import.meta.url),
      {
        ...options,
        nodeOptions: [...(options.nodeOptions ?? []), ...profiling],
      },
    );
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

/** All cases, with a different first case in each round. */
function inRotation<Case>(cases: readonly Case[], round: number): Case[] {
  const first = round % cases.length;
  return [...cases.slice(first), ...cases.slice(0, first)];
}

function startLoad(redis: RedisServer): Child<LoadCommands> {
  return startChild(new URL('../load/load.js', import.meta.url), { args: [String(redis.port)] });
}
