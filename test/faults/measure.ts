import { inject } from 'vitest';
import { THIS_PACKAGE, type Candidate } from '../support/faults/candidates.js';
import { appendMeasurement } from '../support/faults/measurement-file.js';
import { ROUNDS, type Fault } from './fault.js';
import { brokenPromises, outcomeOf, type Outcome } from './outcome.js';
import { Round } from './round.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The file of the measurements: each line is a JSON object. */
    measurements: string;
  }
}

/** The outcomes of a fault for one candidate, one for each round. */
export interface Measurement {
  readonly topology: string;
  readonly fault: string;
  readonly countedFrom: string;
  readonly candidate: string;
  readonly settings: string;
  readonly outcomes: readonly Outcome[];
}

interface Result {
  readonly candidate: Candidate;
  readonly outcome: Outcome;
}

/**
 * Injects a fault in each round, into all candidates at the same time, and measures the outcomes.
 * Resolves to the promises that this package broke, in words.
 */
export async function measure(fault: Fault): Promise<string[]> {
  const broken: string[] = [];
  const results: Result[] = [];
  for (let round = 0; round < ROUNDS; round++) results.push(...(await runRound(fault, broken)));
  for (const { candidate } of results.slice(0, results.length / ROUNDS)) {
    const { topology, name, countedFrom } = fault;
    const outcomes = results
      .filter((it) => it.candidate.id === candidate.id)
      .map(({ outcome }) => outcome);
    const measurement: Measurement = {
      topology,
      fault: name,
      countedFrom,
      candidate: candidate.name,
      settings: candidate.settings,
      outcomes,
    };
    await appendMeasurement(inject('measurements'), measurement);
  }
  return broken;
}

async function runRound(fault: Fault, broken: string[]): Promise<Result[]> {
  const scenario = await fault.createScenario();
  const round = new Round(scenario);
  try {
    if (!scenario.startsCandidates) await round.startInPlace();
    const injectedAt = Date.now();
    const injection = await scenario.inject(round);
    await round.observe(injection);
    return round.processes.map((process) => {
      const { candidate } = process;
      const outcome = outcomeOf(process, injection, injectedAt);
      if (candidate.id === THIS_PACKAGE.id) {
        if (outcome.fate !== 'recovered') broken.push(`${candidate.name} is ${outcome.fate}`);
        broken.push(...brokenPromises(process).slice(0, 3));
      }
      return { candidate, outcome };
    });
  } finally {
    await round.close();
    await scenario.cleanUp();
  }
}
