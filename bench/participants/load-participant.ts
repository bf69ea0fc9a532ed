import { Logger } from '@nestjs/common';
import type {
  Participant,
  ParticipantName,
  RequestingName,
  RequestingParticipant,
} from './participant.js';

// Only problems are of interest, and a log would be measured too.
Logger.overrideLogger(['warn', 'error']);

type Loaded = Record<ParticipantName, Participant> &
  Record<Exclude<RequestingName, ParticipantName>, RequestingParticipant>;

const LOADERS: { [Name in RequestingName]: () => Promise<{ participant: Loaded[Name] }> } = {
  ours: () => import('./ours.js'),
  'built-in': () => import('./built-in.js'),
  ioredis: () => import('./ioredis.js'),
  'ioredis-json': () => import('./ioredis-json.js'),
  'node-redis': () => import('./node-redis.js'),
};

/** The participant, and nothing of the others: what they load would be measured too. */
export async function loadParticipant<Name extends RequestingName>(
  name: Name,
): Promise<Loaded[Name]> {
  return (await LOADERS[name]()).participant;
}
