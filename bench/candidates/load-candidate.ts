import { Logger } from '@nestjs/common';
import type { Candidate, CandidateName, RequestingName, RequestingCandidate } from './candidate.js';

// The log would be measured too, so that only warnings and errors are written.
Logger.overrideLogger(['warn', 'error']);

type Loaded = Record<CandidateName, Candidate> &
  Record<Exclude<RequestingName, CandidateName>, RequestingCandidate>;

const LOADERS: { [Name in RequestingName]: () => Promise<{ candidate: Loaded[Name] }> } = {
  ours: () => import('./ours.js'),
  'built-in': () => import('./built-in.js'),
  ioredis: () => import('./ioredis.js'),
  'ioredis-json': () => import('./ioredis-json.js'),
  'node-redis': () => import('./node-redis.js'),
};

/** Loads one candidate and not the others, because their modules would be measured too. */
export async function loadCandidate<Name extends RequestingName>(
  name: Name,
): Promise<Loaded[Name]> {
  return (await LOADERS[name]()).candidate;
}
