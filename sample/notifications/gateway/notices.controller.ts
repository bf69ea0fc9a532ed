import { randomUUID } from 'node:crypto';
import { Body, Controller, HttpCode, HttpStatus, Param, Post, UseGuards } from '@nestjs/common';
import { RedisPubSubClient } from 'nestjs-redis-pubsub';
import type { Observable } from 'rxjs';
import { NOTICE } from '../contract/channels.js';
import { NoticeContent, type Notice } from '../contract/events.js';
import { UserParams } from '../contract/user-params.js';
import { ChangeLimitGuard } from '../http/change-limit.js';
import { ExistingUserPipe } from '../http/existing-user.pipe.js';
import { AdministratorGuard } from '../session/administrator.guard.js';
import { CurrentUserId } from '../session/current-user-id.decorator.js';
import { SessionGuard } from '../session/session.guard.js';
import { accepted, type Accepted } from './accepted.js';

/** Notices from an administrator to one user, of any type and with any data. */
@Controller('users/:userId/notifications')
@UseGuards(SessionGuard, AdministratorGuard, ChangeLimitGuard)
export class NoticesController {
  constructor(private readonly events: RedisPubSubClient) {}

  @Post()
  @HttpCode(HttpStatus.ACCEPTED)
  notify(
    @CurrentUserId() me: string,
    @Param(ExistingUserPipe) { userId }: UserParams,
    @Body() { title, message, type, data }: NoticeContent,
  ): Observable<Accepted> {
    const content = { title, message, type, data };
    const notice: Notice = { ...content, id: randomUUID(), userId, actorId: me };
    return this.events.emit(NOTICE, notice).pipe(accepted());
  }
}
