import 'reflect-metadata';
import { Controller, UsePipes, ValidationPipe, type Type } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { IsArray, IsInt, IsString, MaxLength, Min } from 'class-validator';

/** What a handler does with the data of a message. */
export type Handle = (data: unknown) => unknown;

/** A class with one event handler for some patterns. `extras` as in the decorator. */
export function eventController(
  patterns: readonly string[],
  handle: Handle,
  extras: Record<string, unknown> = {},
): Type {
  @Controller()
  class EventController {
    @EventPattern<readonly string[]>(patterns, extras)
    onEvent(@Payload() data: unknown): unknown {
      return handle(data);
    }
  }
  return EventController;
}

/** The same, and the data is validated before. */
export function validatedController(patterns: readonly string[], handle: Handle): Type {
  class NotificationDto {
    @IsInt()
    @Min(1)
    readonly id!: number;

    @IsString()
    @MaxLength(100)
    readonly name!: string;

    @IsArray()
    @IsString({ each: true })
    readonly tags!: string[];

    @IsString()
    readonly text!: string;
  }

  @Controller()
  @UsePipes(new ValidationPipe({ transform: true, whitelist: true }))
  class ValidatedController {
    @EventPattern<readonly string[]>(patterns)
    onEvent(@Payload() data: NotificationDto): unknown {
      return handle(data);
    }
  }
  return ValidatedController;
}

/** A class with one handler of requests. */
export function requestController(channel: string, handle: Handle): Type {
  @Controller()
  class RequestController {
    @MessagePattern(channel)
    onRequest(@Payload() data: unknown): unknown {
      return handle(data);
    }
  }
  return RequestController;
}
