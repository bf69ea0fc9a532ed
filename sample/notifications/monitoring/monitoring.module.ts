import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { PubSubMetricsModule } from 'nestjs-redis-pubsub/prometheus';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { HealthController } from './health.controller.js';
import { MetricsController } from './metrics.controller.js';
import { WatchedService } from './watched-service.js';

/** The health and the metrics of a service. The metrics are those of the whole process. */
@Module({
  imports: [TerminusModule.forRoot({ logger: false }), PubSubMetricsModule.forRoot()],
  controllers: [HealthController, MetricsController],
  providers: [WatchedService],
})
class MonitoringModule {}

/**
 * Serves `/metrics`, `/health/ready` and `/health/live` on a port of their own, which the public does not reach. Call it
 * before the service is created, so that its handlers are counted from the first message on.
 */
export async function startMonitoring(port: number, host: string) {
  const app = await NestFactory.create<NestExpressApplication>(MonitoringModule, {
    logger: ['warn', 'error', 'fatal'],
    abortOnError: false,
  });
  const server: Server = await app.listen(port, host);
  const { port: monitoringPort } = server.address() as AddressInfo;
  return { monitoringPort, service: app.get(WatchedService) };
}
