import { markdownTable } from 'markdown-table';
import type { ReportKind } from '../support/faults/candidate-process.js';
import { groupBy, median } from '../support/faults/statistics.js';
import type { Measurement } from './measure.js';
import type { Outcome } from './outcome.js';

const KINDS: readonly ReportKind[] = ['status', 'log', 'event', 'gap'];
const NOT_REPORTED = 'not reported';

/** All measurements as Markdown. */
export function reportOf(measurements: readonly Measurement[]): string {
  const topologies = groupBy(measurements, ({ topology }) => topology);
  const tables = [...topologies].map(([topology, rows]) => `### ${topology}\n\n${tableOf(rows)}\n`);
  return [...tables, '### Round by round', '', detailsOf(measurements), ''].join('\n');
}

/** A row for each fault, a column for each candidate. */
function tableOf(measurements: readonly Measurement[]): string {
  const candidates = [...new Set(measurements.map(({ candidate }) => candidate))];
  const rows = [...groupBy(measurements, ({ fault }) => fault)].map(([fault, row]) => {
    const cells = candidates.map((name) =>
      cellOf(row.find(({ candidate }) => candidate === name)?.outcomes ?? []),
    );
    return [fault, row[0]?.countedFrom ?? '', ...cells];
  });
  return markdownTable([['fault', 'counted from', ...candidates], ...rows]);
}

/** The outcomes of one candidate in a few words. */
export function cellOf(outcomes: readonly Outcome[]): string {
  const fates = [...groupBy(outcomes, ({ fate }) => fate).values()];
  const [only] = fates;
  if (fates.length === 1 && only) return fateOf(only);
  return fates.map((some) => `${some.length} of ${outcomes.length}: ${fateOf(some)}`).join('; ');
}

function fateOf(outcomes: readonly Outcome[]): string {
  const reported = reportedBy(outcomes);
  switch (outcomes[0]?.fate) {
    case 'dead':
      return '**process dies**';
    case 'deaf':
      return `**deaf for good**, ${reported}`;
    default: {
      const after = median(outcomes.map(({ after = 0 }) => after));
      const lost = median(outcomes.map(({ lost }) => lost));
      const received = `${inWords(after)} ms, ${lost === 0 ? 'nothing' : inWords(lost)} lost`;
      // Where nothing was lost, a missing report is no fault.
      return lost === 0 && reported === NOT_REPORTED ? received : `${received}, ${reported}`;
    }
  }
}

/** The kinds of reports that the application received in most rounds. */
function reportedBy(outcomes: readonly Outcome[]): string {
  const timesOf = (kind: ReportKind): number =>
    outcomes.filter((it) => it.reportedBy.includes(kind)).length;
  const kinds = KINDS.filter((kind) => timesOf(kind) > outcomes.length / 2);
  return kinds.length === 0 ? NOT_REPORTED : `reported by ${kinds.join(', ')}`;
}

const DETAILS = [
  'fault',
  'candidate',
  'received after, ms',
  'lost',
  'first report after, ms',
  'text',
];

function detailsOf(measurements: readonly Measurement[]): string {
  const rows = measurements.map(({ topology, fault, candidate, outcomes }) => [
    `${topology}: ${fault}`,
    candidate,
    outcomes.map(({ fate, after }) => (after === undefined ? fate : inWords(after))).join(' / '),
    outcomes.map(lossOf).join(' / '),
    outcomes.map(({ firstReport }) => (firstReport ? inWords(firstReport.after) : '–')).join(' / '),
    textOf(outcomes),
  ]);
  return markdownTable([DETAILS, ...rows]);
}

/** A deaf candidate loses every message that is published until the round ends. */
function lossOf({ fate, lost }: Outcome): string {
  if (fate === 'dead') return 'all';
  return fate === 'deaf' ? `all ${inWords(lost)}` : inWords(lost);
}

/** The text of the error that ended the process, or of the first report. */
function textOf(outcomes: readonly Outcome[]): string {
  const texts = outcomes.map(({ death, firstReport }) => death ?? firstReport?.text ?? '');
  const text = texts.find(Boolean) ?? '';
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ').slice(0, 120);
}

const inWords = (count: number): string => count.toLocaleString('en');
