import 'reflect-metadata';
import { Controller, UsePipes, ValidationPipe, type Type } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { IsArray, IsInt, IsString, MaxLength, Min } from 'class-validator';
import type { Handle } from './controllers.js';

/** A controller with one event handler for `patterns` that receives validated data. */
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
