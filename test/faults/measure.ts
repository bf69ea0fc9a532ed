import { appendFile } from 'node:fs/promises';
import { inject } from 'vitest';
import { Arena } from './arena.js';
import { THIS_PACKAGE } from './contestants.js';
import type { Fault } from './fault.js';
import { brokenPromises, outcomeOf, type Outcome } from './outcome.js';
import { ROUNDS } from './rounds.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The file that collects what was measured, a JSON object a line. */
    measurements: string;
  }
}

/** What a fault did to one contestant, round by round. */
export interface Measurement {
  readonly topology: string;
  readonly fault: string;
  readonly countedFrom: string;
  readonly contestant: string;
  readonly settings: string;
  readonly outcomes: readonly Outcome[];
}

interface Result {
  readonly id: string;
  readonly name: string;
  readonly settings: string;
  readonly outcome: Outcome;
}

/**
 * Lets a fault strike all contestants at the same time, over and over, and notes what it did to them.
 * Resolves to what this package did not keep of its promises, in words.
 */
export async function measure(fault: Fault): Promise<string[]> {
  const broken: string[] = [];
  const results: Result[] = [];
  for (let round = 0; round < ROUNDS; round++) results.push(...(await play(fault, broken)));
  for (const { id, name, settings } of results.slice(0, results.length / ROUNDS)) {
    const { topology, name: title, countedFrom } = fault;
    const outcomes = results.filter((it) => it.id === id).map(({ outcome }) => outcome);
    const measurement: Measurement = {
      topology,
      fault: title,
      countedFrom,
      contestant: name,
      settings,
      outcomes,
    };
    await appendFile(inject('measurements'), `${JSON.stringify(measurement)}\n`);
  }
  return broken;
}

async function play(fault: Fault, broken: string[]): Promise<Result[]> {
  const stage = await fault.prepare();
  const arena = new Arena(stage);
  try {
    if (!stage.isBeforeTheStart) await arena.enter();
    const struckAt = Date.now();
    const strike = await stage.strike(arena);
    await arena.watch(strike);
    return arena.participants.map((participant) => {
      const { id, name, settings } = participant.contestant;
      const outcome = outcomeOf(participant, strike, struckAt);
      if (id === THIS_PACKAGE.id) {
        if (outcome.fate !== 'hears') broken.push(`${name} is ${outcome.fate}`);
        broken.push(...brokenPromises(participant).slice(0, 3));
      }
      return { id, name, settings, outcome };
    });
  } finally {
    await arena.close();
    await stage.clear();
  }
}
