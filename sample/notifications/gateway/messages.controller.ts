import { randomUUID } from 'node:crypto';
import { Body, Controller, HttpCode, HttpStatus, Param, Post, UseGuards } from '@nestjs/common';
import { IsString, Length } from 'class-validator';
import { RedisPubSubClient } from 'nestjs-redis-pubsub';
import type { Observable } from 'rxjs';
import type { UserEvent } from '../contract/events.js';
import { UserParams } from '../contract/user-params.js';
import { CurrentUserId } from '../session/current-user-id.decorator.js';
import { SessionGuard } from '../session/session.guard.js';
import { accepted, type Accepted } from './accepted.js';

class MessageRequest {
  @IsString()
  @Length(1, 500)
  text!: string;
}

/** Messages from one user to another. */
@Controller('users/:userId/messages')
@UseGuards(SessionGuard)
export class MessagesController {
  constructor(private readonly events: RedisPubSubClient) {}

  @Post()
  @HttpCode(HttpStatus.ACCEPTED)
  send(
    @CurrentUserId() me: string,
    @Param() { userId }: UserParams,
    @Body() { text }: MessageRequest,
  ): Observable<Accepted> {
    const event: UserEvent = { id: randomUUID(), userId, actorId: me, text };
    return this.events.emit('user.messaged', event).pipe(accepted());
  }
}
