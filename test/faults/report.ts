import type { Measurement } from './measure.js';
import type { Outcome } from './outcome.js';
import type { SignalKind } from './participant.js';

const KINDS: readonly SignalKind[] = ['status', 'log', 'event', 'gap'];
const NOT_TOLD = 'not told';

/** Everything that was measured, as Markdown. */
export function reportOf(measurements: readonly Measurement[]): string {
  const topologies = groupBy(measurements, ({ topology }) => topology);
  const tables = [...topologies].map(([topology, rows]) => `### ${topology}\n\n${tableOf(rows)}\n`);
  return [...tables, '### Round by round', '', detailsOf(measurements), ''].join('\n');
}

/** A line per fault, and what it did to each contestant. */
function tableOf(measurements: readonly Measurement[]): string {
  const contestants = [...new Set(measurements.map(({ contestant }) => contestant))];
  const lines = [...groupBy(measurements, ({ fault }) => fault)].map(([fault, row]) => {
    const cells = contestants.map((name) =>
      cellOf(row.find(({ contestant }) => contestant === name)?.outcomes ?? []),
    );
    return [fault, row[0]?.countedFrom ?? '', ...cells];
  });
  return markdownTable(['fault', 'counted from', ...contestants], lines);
}

/** What a fault did to one contestant, in a few words. */
export function cellOf(outcomes: readonly Outcome[]): string {
  const fates = [...groupBy(outcomes, ({ fate }) => fate).values()];
  const [only] = fates;
  if (fates.length === 1 && only) return fateOf(only);
  return fates.map((some) => `${some.length} of ${outcomes.length}: ${fateOf(some)}`).join('; ');
}

function fateOf(outcomes: readonly Outcome[]): string {
  const told = toldBy(outcomes);
  switch (outcomes[0]?.fate) {
    case 'dead':
      return '**process dies**';
    case 'deaf':
      return `**deaf for good**, ${told}`;
    default: {
      const after = median(outcomes.map(({ after = 0 }) => after));
      const lost = median(outcomes.map(({ lost }) => lost));
      const heard = `${inWords(after)} ms, ${lost === 0 ? 'nothing' : inWords(lost)} lost`;
      // Of nothing there is nothing to tell.
      return lost === 0 && told === NOT_TOLD ? heard : `${heard}, ${told}`;
    }
  }
}

/** By what it was told in most rounds. */
function toldBy(outcomes: readonly Outcome[]): string {
  const timesOf = (kind: SignalKind): number =>
    outcomes.filter(({ told }) => told.includes(kind)).length;
  const kinds = KINDS.filter((kind) => timesOf(kind) > outcomes.length / 2);
  return kinds.length === 0 ? NOT_TOLD : `told by ${kinds.join(', ')}`;
}

function detailsOf(measurements: readonly Measurement[]): string {
  const lines = measurements.map(({ topology, fault, contestant, outcomes }) => [
    `${topology}: ${fault}`,
    contestant,
    outcomes.map(({ fate, after }) => (after === undefined ? fate : inWords(after))).join(' / '),
    outcomes.map(lossOf).join(' / '),
    outcomes.map(({ firstTold }) => (firstTold ? inWords(firstTold.after) : '–')).join(' / '),
    wordsOf(outcomes),
  ]);
  const heads = ['fault', 'who', 'heard after, ms', 'lost', 'first told after, ms', 'in the words'];
  return markdownTable(heads, lines);
}

/** Of who hears no more, what the round was long enough to publish. */
function lossOf({ fate, lost }: Outcome): string {
  if (fate === 'dead') return 'all';
  return fate === 'deaf' ? `all ${inWords(lost)}` : inWords(lost);
}

/** What somebody died of, or was told first. */
function wordsOf(outcomes: readonly Outcome[]): string {
  const words = outcomes.map(({ death, firstTold }) => death ?? firstTold?.text ?? '');
  const text = words.find(Boolean) ?? '';
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ').slice(0, 120);
}

function markdownTable(heads: readonly string[], lines: readonly (readonly string[])[]): string {
  const rows = [heads, heads.map(() => '---'), ...lines];
  return rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups;
}

const inWords = (count: number): string => count.toLocaleString('en');

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
