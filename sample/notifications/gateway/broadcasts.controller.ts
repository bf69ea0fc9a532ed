import { randomUUID } from 'node:crypto';
import { Body, Controller, HttpCode, HttpStatus, Post, UseGuards } from '@nestjs/common';
import { RedisPubSubClient } from 'nestjs-redis-pubsub';
import type { Observable } from 'rxjs';
import { ANNOUNCEMENT } from '../contract/channels.js';
import { NoticeContent, type Announcement } from '../contract/events.js';
import { ChangeLimitGuard } from '../http/change-limit.js';
import { AdministratorGuard } from '../session/administrator.guard.js';
import { CurrentUserId } from '../session/current-user-id.decorator.js';
import { SessionGuard } from '../session/session.guard.js';
import { accepted, type Accepted } from './accepted.js';

/** Announcements from an administrator to all users that are online. */
@Controller('broadcasts')
@UseGuards(SessionGuard, AdministratorGuard, ChangeLimitGuard)
export class BroadcastsController {
  constructor(private readonly events: RedisPubSubClient) {}

  @Post()
  @HttpCode(HttpStatus.ACCEPTED)
  broadcast(
    @CurrentUserId() me: string,
    @Body() { title, message, type, data }: NoticeContent,
  ): Observable<Accepted> {
    const content = { title, message, type, data };
    const announcement: Announcement = { ...content, id: randomUUID(), actorId: me };
    return this.events.emit(ANNOUNCEMENT, announcement).pipe(accepted());
  }
}
