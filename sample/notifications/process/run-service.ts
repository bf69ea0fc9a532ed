import type { INestApplicationContext, NestApplicationOptions } from '@nestjs/common';
import { RedisPubSubHealthIndicator } from 'nestjs-redis-pubsub';
import { instanceOf } from './instance.js';
import { startTrace } from './message-trace.js';
import { ServiceLogger } from './service-logger.js';
import { readSettings, type Settings } from './settings.js';

/** The message that a service sends to the launcher when it is ready. */
export interface Ready {
  readonly port?: number;
  /** The port of its metrics and its health. */
  readonly monitoringPort?: number;
}

/** A service that runs. */
export interface Started {
  readonly app: INestApplicationContext;
  readonly port?: number;
}

/** Runs one service of the sample, as a child process of the launcher or standalone. */
export async function runService(
  name: string,
  start: (options: NestApplicationOptions, settings: Settings) => Promise<Started>,
): Promise<void> {
  // A launcher that has exited cannot stop this service. SIGTERM triggers Nest's shutdown hooks.
  const isOrphan = process.send !== undefined && !process.connected;
  if (isOrphan) process.exit(1);
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  const instance = instanceOf(name);
  try {
    const settings = readSettings();
    startTrace(instance, settings);
    const options = { logger: new ServiceLogger(instance), abortOnError: false };
    const monitoring = await startMonitoring(settings);
    const { app, port } = await start(options, settings);
    monitoring?.service.watch(app.get(RedisPubSubHealthIndicator, { strict: false }));
    const ready: Ready = { port, monitoringPort: monitoring?.monitoringPort };
    if (process.connected) process.send?.(ready);
  } catch (error) {
    console.error(`[${instance}] Cannot start: ${explain(error)}`);
    process.exit(1);
  }
}

/** Serves the metrics and the health. What that needs is loaded only where it is switched on. */
async function startMonitoring({ monitoringPort, listenHost }: Settings) {
  if (monitoringPort === undefined) return undefined;
  const { startMonitoring: start } = await import('../monitoring/monitoring.module.js');
  return start(monitoringPort, listenHost);
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isPortBusy = 'code' in error && error.code === 'EADDRINUSE';
  return isPortBusy ? `${error.message}. Set PORT to a free port.` : error.message;
}
