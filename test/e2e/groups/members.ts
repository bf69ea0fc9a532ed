import { channel as diagnosticsChannel } from 'node:diagnostics_channel';
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { onTestFinished } from 'vitest';
import {
  type HandlerOptions,
  RedisPubSubContext,
  type RedisPubSubServerOptions,
  type TelemetryEvents,
} from 'nestjs-redis-pubsub';
import { startService, type TestLog } from '../../support/app.js';

/** What a member does with a message; its index comes first. */
export type MemberHandler = (member: number, data: unknown, context: RedisPubSubContext) => unknown;

/** One instance of a service. */
export interface Member {
  readonly received: unknown[];
  readonly log: TestLog;
  readonly close: () => Promise<void>;
}

interface MemberOptions {
  readonly pattern: string;
  readonly extras: HandlerOptions;
  readonly options: RedisPubSubServerOptions;
  readonly handle?: MemberHandler;
  readonly isRequest?: boolean;
}

/** Starts an instance of a service with one handler. */
export async function startMember(
  index: number,
  { pattern, extras, options, handle = () => undefined, isRequest = false }: MemberOptions,
): Promise<Member> {
  const received: unknown[] = [];
  const decorate: MethodDecorator = isRequest
    ? MessagePattern(pattern, { ...extras })
    : EventPattern<string>(pattern, { ...extras });
  @Controller()
  class Handlers {
    @decorate
    onMessage(@Payload() data: unknown, @Ctx() context: RedisPubSubContext) {
      received.push(data);
      return handle(index, data, context);
    }
  }
  const service = { module: class {}, controllers: [Handlers] };
  const { app, log } = await startService(service, options);
  return { received, log, close: () => app.close() };
}

/** Starts several instances of a service. */
export function startMembers(count: number, options: MemberOptions): Promise<Member[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => startMember(index, options)));
}

/** The events of one kind of telemetry until the test ends. */
export function collect<Name extends keyof TelemetryEvents>(name: Name): TelemetryEvents[Name][] {
  const events: TelemetryEvents[Name][] = [];
  const listen = (event: unknown): void => void events.push(event as TelemetryEvents[Name]);
  const channel = diagnosticsChannel(`nestjs-redis-pubsub:${name}`);
  channel.subscribe(listen);
  onTestFinished(() => channel.unsubscribe(listen));
  return events;
}

/** All that was received, in the order of the data. */
export const allOf = (members: readonly Member[]): unknown[] =>
  members.flatMap(({ received }) => received).toSorted((one, other) => Number(one) - Number(other));

export const numbers = (length: number): number[] => Array.from({ length }, (_, i) => i);
