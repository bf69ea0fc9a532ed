import { Controller, Get } from '@nestjs/common';
import { HealthCheck, HealthCheckService, type HealthIndicatorResult } from '@nestjs/terminus';
import { WatchedService } from './watched-service.js';

/** An outage of a moment takes no instance out: all instances have the same Redis. In milliseconds. */
const GRACE_MS = 10_000;

/** Whether a service should get traffic, and whether its process answers. */
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly service: WatchedService,
  ) {}

  @Get('ready')
  @HealthCheck()
  ready() {
    return this.health.check([(): HealthIndicatorResult => this.service.isHealthy(GRACE_MS)]);
  }

  @Get('live')
  @HealthCheck()
  live() {
    return this.health.check([]);
  }
}
