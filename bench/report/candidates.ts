import type { CandidateName } from '../candidates/candidate.js';

/** The label and the color of a candidate. */
export interface Appearance {
  readonly label: string;
  readonly color: string;
}

/** The candidates in the order of tables and charts. */
export const CANDIDATES: readonly CandidateName[] = ['ours', 'built-in', 'ioredis', 'node-redis'];

/** The labels and colors of the candidates in charts. */
export const APPEARANCES: Readonly<Record<CandidateName, Appearance>> = {
  ours: { label: 'nestjs-redis-pubsub', color: '#e11d48' },
  'built-in': { label: 'Transport.REDIS', color: '#64748b' },
  ioredis: { label: 'bare ioredis', color: '#60a5fa' },
  'node-redis': { label: 'bare node-redis', color: '#c4b5fd' },
};
