import { appendFile } from 'node:fs/promises';
import { settings, type ChaosSettings } from './settings.js';

/** What one fault did; times in milliseconds. */
export interface Measurement {
  readonly topology: string;
  readonly fault: string;
  readonly countedFrom: 'its beginning' | 'its end';
  /** Until every listener had heard a message that was published after that. */
  readonly recovery: number;
  /** The longest time in which some listener heard nothing. */
  readonly silence: number;
  /** Messages that Redis accepted and some listener did not hear; all are inside a gap that was told. */
  readonly lost: number;
}

/** Notes a measurement for the report at the end of the run. */
export async function record(measurement: Measurement): Promise<void> {
  await appendFile(settings().measurements, `${JSON.stringify(measurement)}\n`);
}

/** All measurements as Markdown. */
export function reportOf(settings: ChaosSettings, measurements: readonly Measurement[]): string {
  const { seed, liveness } = settings;
  const kinds = new Map<string, Measurement[]>();
  for (const measurement of measurements) {
    const { topology, fault, countedFrom } = measurement;
    const kind = `${topology} | ${fault} | ${countedFrom}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), measurement]);
  }
  const rows = [...kinds].map(([kind, all]) => {
    const recovery = all.map((it) => it.recovery);
    const silence = Math.max(...all.map((it) => it.silence));
    const lost = Math.max(...all.map((it) => it.lost));
    return `| ${kind} | ${all.length} | ${median(recovery)} | ${Math.max(...recovery)} | ${silence} | ${lost} |`;
  });
  return [
    `Recovery in milliseconds, until every listener heard a new message. pingInterval ${liveness.pingInterval},`,
    `pingTimeout ${liveness.pingTimeout}, a message every 5 ms on each channel, CHAOS_SEED=${seed}.`,
    '',
    '| topology | fault | counted from | runs | median | worst | longest silence | most lost |',
    '| --- | --- | --- | --: | --: | --: | --: | --: |',
    ...rows.toSorted(),
    '',
  ].join('\n');
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
