import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { reportOf, type Measurement } from './report.js';
import { readSettings, type ChaosSettings } from './settings.js';

let folder = '';
let settings: ChaosSettings;

/** Fixes the settings, and says with what seed the run can be repeated. */
export async function setup(project: TestProject): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'chaos-'));
  const measurements = join(folder, 'measurements');
  await writeFile(measurements, '');
  settings = readSettings(process.env, measurements);
  project.provide('chaos', settings);
  console.log(`CHAOS_SEED=${settings.seed}${settings.isFull ? ' CHAOS=full' : ''}`);
}

/** Prints what was measured, and writes it where CHAOS_REPORT says. */
export async function teardown(): Promise<void> {
  const lines = (await readFile(settings.measurements, 'utf8')).split('\n').filter(Boolean);
  await rm(folder, { recursive: true });
  const report = reportOf(
    settings,
    lines.map((line) => JSON.parse(line) as Measurement),
  );
  console.log(report);
  if (process.env.CHAOS_REPORT) await writeFile(process.env.CHAOS_REPORT, report);
}
