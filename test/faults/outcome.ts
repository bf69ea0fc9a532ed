import type { CandidateProcess, Report, ReportKind } from '../support/faults/candidate-process.js';
import type { Publication } from '../support/faults/numbered-channel.js';
import type { Injection } from './fault.js';

/** The effect of a fault on one candidate in one round; times are in milliseconds. */
export interface Outcome {
  readonly fate: 'recovered' | 'deaf' | 'dead';
  /** How long the candidate received nothing. */
  readonly after?: number;
  /** How many messages that Redis accepted did not arrive. */
  readonly lost: number;
  /** Why the process ended. */
  readonly death?: string;
  /** The kinds of reports that the application received. */
  readonly reportedBy: readonly ReportKind[];
  /** The first report. */
  readonly firstReport?: { readonly after: number; readonly text: string };
}

/** Every report but that of a connection. */
const isBadNews = ({ kind, text }: Report): boolean => kind !== 'status' || text !== 'connected';

/** The outcome for a candidate of a fault that was injected at `injectedAt`. */
export function outcomeOf(
  process: CandidateProcess,
  injection: Injection,
  injectedAt: number,
): Outcome {
  const reports = process.reports.filter((it) => it.at >= injectedAt && isBadNews(it));
  const [first] = reports;
  const from = injection.countedFrom(process);
  const after = recoveryOf(process, from);
  const outcome = {
    lost: lossesOf(process, injection, injectedAt).length,
    reportedBy: [...new Set(reports.map(({ kind }) => kind))],
    ...(first && { firstReport: { after: first.at - injectedAt, text: first.text } }),
  };
  const { death } = process;
  if (death !== undefined) return { ...outcome, fate: 'dead', death };
  if (after === undefined) assertAccepted(process, from ?? injectedAt);
  return after === undefined
    ? { ...outcome, fate: 'deaf' }
    : { ...outcome, fate: 'recovered', after };
}

/** Asserts that Redis accepted a message since: without one, a candidate has nothing to receive. */
function assertAccepted({ candidate, channel }: CandidateProcess, since: number): void {
  const { lastAccepted } = channel;
  if (!lastAccepted || lastAccepted.sentAt <= since) {
    throw new Error(`Expected Redis to accept a message for ${candidate.id}, it did not`);
  }
}

/** Describes the broken promises of this package: duplicates, disorder, and losses without a gap. */
export function brokenPromises({
  recorder,
  readyAt,
}: Pick<CandidateProcess, 'recorder' | 'readyAt'>): string[] {
  const [ready = Infinity] = readyAt;
  return recorder.violations(Infinity, ready);
}

/** How long the recovery took; undefined if the last message did not arrive. */
function recoveryOf({ recorder }: CandidateProcess, from = Infinity): number | undefined {
  const at = recorder.recoveredAt(from);
  return at === undefined || !recorder.hasLastAccepted ? undefined : at - from;
}

/** The messages that were lost after the candidate reported that it is subscribed. */
function lossesOf(
  process: CandidateProcess,
  { lossesFrom }: Injection,
  injectedAt: number,
): Publication[] {
  const from = lossesFrom ? (lossesFrom(process) ?? Infinity) : injectedAt;
  const [ready = Infinity] = process.readyAt;
  return process.recorder.lost(Infinity, Math.max(from, ready));
}
