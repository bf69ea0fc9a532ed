import { writeFile } from 'node:fs/promises';
import type { TestProject } from 'vitest/node';
import { createMeasurementFile, takeMeasurements } from '../support/faults/measurement-file.js';
import { reportOf, type Measurement } from './report.js';
import { readSettings, type ChaosSettings } from './settings.js';

let settings: ChaosSettings;

/** Reads the settings, and prints the seed with which the run can be repeated. */
export async function setup(project: TestProject): Promise<void> {
  settings = readSettings(process.env, await createMeasurementFile());
  project.provide('chaos', settings);
  console.log(`CHAOS_SEED=${settings.seed}${settings.isFull ? ' CHAOS=full' : ''}`);
}

/** Prints the measurements, and writes them to the file that CHAOS_REPORT names. */
export async function teardown(): Promise<void> {
  const measurements = await takeMeasurements<Measurement>(settings.measurements);
  const report = reportOf(settings, measurements);
  console.log(report);
  if (process.env.CHAOS_REPORT) await writeFile(process.env.CHAOS_REPORT, report);
}
