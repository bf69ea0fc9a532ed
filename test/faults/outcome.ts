import { Ear, type Publication } from '../chaos/ledger.js';
import type { Strike } from './fault.js';
import type { Participant, Signal, SignalKind } from './participant.js';

/** What is known of somebody who listens. */
type Listener = Pick<Participant, 'contestant' | 'lane' | 'heard' | 'gaps' | 'readyAt'>;

/** What a fault did to one participant in one round; times in milliseconds. */
export interface Outcome {
  readonly fate: 'hears' | 'deaf' | 'dead';
  /** How long it did not hear. */
  readonly after?: number;
  /** How many messages it did not hear that Redis accepted. */
  readonly lost: number;
  /** What it died of. */
  readonly death?: string;
  /** The ways in which it was told. */
  readonly told: readonly SignalKind[];
  /** What it was told first. */
  readonly firstTold?: { readonly after: number; readonly text: string };
}

/** Anything that does not say that all is well. */
const isBadNews = ({ kind, text }: Signal): boolean => kind !== 'status' || text !== 'connected';

/** What became of a participant after a fault that began at `struckAt`. */
export function outcomeOf(participant: Participant, strike: Strike, struckAt: number): Outcome {
  const news = participant.signals.filter((it) => it.at >= struckAt && isBadNews(it));
  const [first] = news;
  const after = recoveryOf(participant, strike.from(participant));
  const outcome = {
    lost: lossesOf(participant, strike, struckAt).length,
    told: [...new Set(news.map(({ kind }) => kind))],
    ...(first && { firstTold: { after: first.at - struckAt, text: first.text } }),
  };
  const { death } = participant;
  if (death !== undefined) return { ...outcome, fate: 'dead', death };
  if (after === undefined) assertAudible(participant, strike.from(participant) ?? struckAt);
  return after === undefined ? { ...outcome, fate: 'deaf' } : { ...outcome, fate: 'hears', after };
}

/** Nobody is deaf to what Redis has not accepted. */
function assertAudible({ contestant, lane }: Participant, since: number): void {
  const isAccepted = [...lane.publications.values()].some(
    ({ sentAt, outcome }) => outcome === 'accepted' && sentAt > since,
  );
  if (!isAccepted) {
    throw new Error(`Expected Redis to accept a message for ${contestant.id}, it did not`);
  }
}

/** What this package promises not to do: doubles, disorder, and losses that it does not tell of. */
export function brokenPromises({ contestant, lane, heard, gaps, readyAt }: Listener): string[] {
  const [ready = Infinity] = readyAt;
  const ear = new Ear(contestant.id, lane, gaps);
  for (const { number } of heard) ear.hear(number);
  const first = [...lane.publications.values()].find(({ sentAt }) => sentAt > ready);
  lane.forget(first?.number ?? lane.next);
  return ear.violations(lane.next);
}

/** When it hears again to this day, how long that took. */
function recoveryOf(participant: Participant, from = Infinity): number | undefined {
  const { heard, lane, hasHeardTheLast } = participant;
  const isAfter = (number: number): boolean => (lane.publications.get(number)?.sentAt ?? 0) > from;
  const at = heard.find(({ number }) => isAfter(number))?.at;
  return at === undefined || !hasHeardTheLast ? undefined : at - from;
}

/** What Redis accepted while it believed that it listens, and it did not hear. */
function lossesOf(participant: Participant, strike: Strike, struckAt: number): Publication[] {
  const { heard, lane, readyAt } = participant;
  const counted = strike.lossesFrom ? (strike.lossesFrom(participant) ?? Infinity) : struckAt;
  const from = Math.max(counted, readyAt[0] ?? Infinity);
  const numbers = new Set(heard.map(({ number }) => number));
  return [...lane.publications.values()].filter(
    ({ number, sentAt, outcome }) =>
      outcome === 'accepted' && sentAt > from && !numbers.has(number),
  );
}
