import { markdownTable } from 'markdown-table';
import { groupBy, median } from '../support/faults/statistics.js';
import type { ChaosSettings } from './settings.js';

/** The effect of one fault; times are in milliseconds. */
export interface Measurement {
  readonly topology: string;
  readonly fault: string;
  readonly countedFrom: 'its beginning' | 'its end';
  /** The time until every listener had received a message that was published after that moment. */
  readonly recovery: number;
  /** The longest time in which some listener received nothing. */
  readonly silence: number;
  /** The most messages that Redis accepted and one listener did not receive; each is inside a reported gap. */
  readonly lost: number;
}

const HEADS = ['topology', 'fault', 'counted from'];
const FIGURES = ['runs', 'median', 'worst', 'longest silence', 'most lost'];
const SEPARATOR = ' | ';
const ALIGN = [...HEADS.map(() => 'l'), ...FIGURES.map(() => 'r')];

/** All measurements as Markdown. */
export function reportOf(settings: ChaosSettings, measurements: readonly Measurement[]): string {
  const { seed, heartbeat } = settings;
  const groups = [...groupBy(measurements, keyOf)].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const rows = groups.map(([key, runs]) => [...key.split(SEPARATOR), ...figuresOf(runs)]);
  return [
    `Recovery in milliseconds, until every listener received a new message. pingInterval ${heartbeat.pingInterval},`,
    `pingTimeout ${heartbeat.pingTimeout}, a message every 5 ms on each channel, CHAOS_SEED=${seed}.`,
    '',
    markdownTable([[...HEADS, ...FIGURES], ...rows], { align: ALIGN }),
    '',
  ].join('\n');
}

const keyOf = ({ topology, fault, countedFrom }: Measurement): string =>
  [topology, fault, countedFrom].join(SEPARATOR);

/** The figures of all runs of a fault. */
function figuresOf(runs: readonly Measurement[]): string[] {
  const recoveries = runs.map(({ recovery }) => recovery);
  const figures = [
    runs.length,
    median(recoveries),
    Math.max(...recoveries),
    Math.max(...runs.map(({ silence }) => silence)),
    Math.max(...runs.map(({ lost }) => lost)),
  ];
  return figures.map(String);
}
