import type { TestProject } from 'vitest/node';
import { createMeasurementFile, takeMeasurements } from '../support/faults/measurement-file.js';
import { conditionsOf } from './conditions.js';
import type { Measurement } from './measure.js';
import { planned } from './planned.js';
import { writeReadme } from './readme.js';
import { reportOf } from './report.js';

let file = '';
let conditions = '';

/** Provides the file of the measurements. Rejects where no Redis can be started. */
export async function setup(project: TestProject): Promise<void> {
  conditions = await conditionsOf();
  file = await createMeasurementFile();
  project.provide('measurements', file);
}

/** Prints the measurements. If every fault was measured, writes them into the README of this folder. */
export async function teardown(): Promise<void> {
  const measured = await takeMeasurements<Measurement>(file);
  const inOrder = planned().flatMap(({ topology, name }) =>
    measured.filter((it) => it.topology === topology && it.fault === name),
  );
  const report = `${conditions}\n${reportOf(inOrder)}`;
  console.log(report);
  const missing = planned().filter(
    ({ topology, name }) => !measured.some((it) => it.topology === topology && it.fault === name),
  );
  if (missing.length === 0) await writeReadme(report);
  else console.log(`The README stays as it is: ${missing.length} faults were not measured.`);
}
