import type { NestApplicationOptions } from '@nestjs/common';
import { startTrace } from './message-trace.js';
import { ServiceLogger } from './service-logger.js';
import { settings } from './settings.js';

/** The message that a service sends to the launcher when it is ready. */
export interface Ready {
  readonly port?: number;
}

/** Runs one service of the sample, as a child process of the launcher or standalone. */
export async function runService(
  name: string,
  start: (options: NestApplicationOptions) => Promise<Ready | void>,
): Promise<void> {
  const instance = settings.instance ?? name;
  // A launcher that has exited cannot stop this service. SIGTERM triggers Nest's shutdown hooks.
  const isOrphan = process.send !== undefined && !process.connected;
  if (isOrphan) process.exit(1);
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  startTrace(instance);
  try {
    const ready = await start({ logger: new ServiceLogger(instance), abortOnError: false });
    if (process.connected) process.send?.(ready ?? {});
  } catch (error) {
    console.error(`[${instance}] Cannot start: ${explain(error)}`);
    process.exit(1);
  }
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isPortBusy = 'code' in error && error.code === 'EADDRINUSE';
  return isPortBusy ? `${error.message}. Set PORT to a free port.` : error.message;
}
