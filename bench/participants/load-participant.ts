import { Logger } from '@nestjs/common';
import type {
  Participant,
  ParticipantName,
  RequestingName,
  RequestingParticipant,
} from './participant.js';

// Only problems are of interest, and a log would be measured too.
Logger.overrideLogger(['warn', 'error']);

const LOADERS: Record<ParticipantName, () => Promise<{ participant: Participant }>> = {
  ours: () => import('./ours.js'),
  'built-in': () => import('./built-in.js'),
  ioredis: () => import('./ioredis.js'),
  'node-redis': () => import('./node-redis.js'),
};

/** The participant, and nothing of the others: what they load would be measured too. */
export async function loadParticipant(name: ParticipantName): Promise<Participant> {
  return (await LOADERS[name]()).participant;
}

/** As {@link loadParticipant}, for who asks and answers only. */
export async function loadRequesting(name: RequestingName): Promise<RequestingParticipant> {
  if (name !== 'ioredis-json') return loadParticipant(name);
  return (await import('./ioredis-json.js')).participant;
}
