#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { run } from './run.js';

/** The signals that end a process, with the codes that shells expect. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

const ended = new AbortController();
let signalCode: number | undefined;
for (const [signal, code] of Object.entries(SIGNALS)) {
  process.once(signal, () => {
    signalCode = code;
    ended.abort();
  });
}
// The reader of a pipe, such as `head`, may have seen enough.
process.stdout.on('error', () => process.exit(0));

const version = (): string => {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
};
const context = {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: ended.signal,
  onExit: (listener: () => void) => {
    process.on('exit', listener);
    return () => void process.off('exit', listener);
  },
};
const code = await run(process.argv.slice(2), context, version);
process.exitCode = signalCode ?? code;
