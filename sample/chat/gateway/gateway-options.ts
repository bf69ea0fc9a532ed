import { applyDecorators, UseInterceptors, UsePipes, ValidationPipe } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import type { ValidationError } from 'class-validator';
import { AnswerInterceptor } from './answer.interceptor.js';
import { Refusal } from './refusal.js';

const VALIDATION = new ValidationPipe({
  whitelist: true,
  transform: true,
  exceptionFactory: (errors: ValidationError[]) => new Refusal('invalid', reasonsOf(errors)),
});

/** A gateway of the chat. All of them share one Socket.IO server. */
export const ChatGateway = (): ClassDecorator =>
  applyDecorators(
    WebSocketGateway({
      // Long polling needs a load balancer with sticky sessions.
      transports: ['websocket'],
      maxHttpBufferSize: 16_384,
      pingInterval: 10_000,
      pingTimeout: 5_000,
    }),
    UseInterceptors(AnswerInterceptor),
    UsePipes(VALIDATION),
  );

function reasonsOf(errors: readonly ValidationError[]): string {
  return errors.flatMap(({ constraints }) => Object.values(constraints ?? {})).join('. ');
}
