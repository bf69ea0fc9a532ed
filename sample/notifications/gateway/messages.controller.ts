import { randomUUID } from 'node:crypto';
import { Body, Controller, HttpCode, HttpStatus, Param, Post, UseGuards } from '@nestjs/common';
import { IsString, Length } from 'class-validator';
import { RedisPubSubClient } from 'nestjs-redis-pubsub';
import type { Observable } from 'rxjs';
import type { UserEvent } from '../contract/events.js';
import { MAX_TEXT_LENGTH } from '../contract/limits.js';
import { UserParams } from '../contract/user-params.js';
import { ChangeLimitGuard } from '../http/change-limit.js';
import { ExistingUserPipe } from '../http/existing-user.pipe.js';
import { CurrentUserId } from '../session/current-user-id.decorator.js';
import { SessionGuard } from '../session/session.guard.js';
import { accepted, type Accepted } from './accepted.js';

class MessageRequest {
  @IsString()
  @Length(1, MAX_TEXT_LENGTH)
  text!: string;
}

/** Messages from one user to another. */
@Controller('users/:userId/messages')
@UseGuards(SessionGuard, ChangeLimitGuard)
export class MessagesController {
  constructor(private readonly events: RedisPubSubClient) {}

  @Post()
  @HttpCode(HttpStatus.ACCEPTED)
  send(
    @CurrentUserId() me: string,
    @Param(ExistingUserPipe) { userId }: UserParams,
    @Body() { text }: MessageRequest,
  ): Observable<Accepted> {
    const event: UserEvent = { id: randomUUID(), userId, actorId: me, text };
    return this.events.emit('user.messaged', event).pipe(accepted());
  }
}
