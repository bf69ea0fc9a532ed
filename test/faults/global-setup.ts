import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { conditionsOf } from './conditions.js';
import type { Measurement } from './measure.js';
import { planned } from './planned.js';
import { writeReadme } from './readme.js';
import { reportOf } from './report.js';

let folder = '';
let conditions = '';

/** Says where the measurements go; ends the run at once where no Redis can be started. */
export async function setup(project: TestProject): Promise<void> {
  conditions = await conditionsOf();
  folder = await mkdtemp(join(tmpdir(), 'faults-'));
  await writeFile(measurements(), '');
  project.provide('measurements', measurements());
}

/** Prints what was measured; if that is everything, writes it into the README of this folder. */
export async function teardown(): Promise<void> {
  const lines = (await readFile(measurements(), 'utf8')).split('\n').filter(Boolean);
  await rm(folder, { recursive: true });
  const measured = lines.map((line) => JSON.parse(line) as Measurement);
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

const measurements = (): string => join(folder, 'measurements');
