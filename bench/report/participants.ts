import type { ParticipantName } from '../participants/participant.js';

/** How a participant is shown to people. */
export interface Appearance {
  readonly label: string;
  readonly color: string;
}

/** The participants in the order in which they are shown. */
export const PARTICIPANTS: readonly ParticipantName[] = [
  'ours',
  'built-in',
  'ioredis',
  'node-redis',
];

/** The participants as they are shown in charts. */
export const APPEARANCES: Readonly<Record<ParticipantName, Appearance>> = {
  ours: { label: 'nestjs-redis-pubsub', color: '#e11d48' },
  'built-in': { label: 'Transport.REDIS', color: '#64748b' },
  ioredis: { label: 'bare ioredis', color: '#60a5fa' },
  'node-redis': { label: 'bare node-redis', color: '#c4b5fd' },
};
