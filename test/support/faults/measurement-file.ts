import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Creates a file for the measurements of a run; resolves to its path. */
export async function createMeasurementFile(): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'measurements-')), 'measurements');
  await writeFile(path, '');
  return path;
}

/** Adds a measurement: a line of JSON. */
export async function appendMeasurement(path: string, measurement: object): Promise<void> {
  await appendFile(path, `${JSON.stringify(measurement)}\n`);
}

/** Resolves to every measurement of the file, and removes the file. */
export async function takeMeasurements<Measurement>(path: string): Promise<Measurement[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter(Boolean);
  await rm(dirname(path), { recursive: true });
  return lines.map((line) => JSON.parse(line) as Measurement);
}
