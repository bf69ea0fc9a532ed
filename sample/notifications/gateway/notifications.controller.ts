import {
  Controller,
  Get,
  HttpCode,
  HttpStatus,
  NotFoundException,
  Param,
  Post,
  Query,
  UseGuards,
} from '@nestjs/common';
import { Type } from 'class-transformer';
import { IsInt, Max, Min } from 'class-validator';
import { RedisPubSubService } from 'nestjs-redis-pubsub';
import { userChannel } from '../contract/channels.js';
import type { NotificationsRead } from '../contract/notification.js';
import { UserParams } from '../contract/user-params.js';
import { ChangeLimitGuard } from '../http/change-limit.js';
import { Inbox, INBOX_SIZE, type InboxContent } from '../inbox/inbox.js';
import { OwnUserGuard } from '../session/own-user.guard.js';
import { SessionGuard } from '../session/session.guard.js';

class InboxQuery {
  /** How many of the newest notifications are listed. */
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(INBOX_SIZE)
  limit: number = INBOX_SIZE;
}

/** A user's own inbox. A read notification is published to all tabs of the user, on every instance. */
@Controller('users/:userId/notifications')
@UseGuards(SessionGuard, OwnUserGuard, ChangeLimitGuard)
export class NotificationsController {
  constructor(
    private readonly inbox: Inbox,
    private readonly pubsub: RedisPubSubService,
  ) {}

  @Get()
  list(@Param() { userId }: UserParams, @Query() { limit }: InboxQuery): Promise<InboxContent> {
    return this.inbox.read(userId, limit);
  }

  @Get('unread')
  async unread(@Param() { userId }: UserParams) {
    return { unread: await this.inbox.unreadCount(userId) };
  }

  @Post('read')
  @HttpCode(HttpStatus.OK)
  async markAllRead(@Param() { userId }: UserParams) {
    const ids = await this.inbox.markAllRead(userId);
    if (ids.length > 0) await this.#tell(userId, { ids });
    return { unread: 0 };
  }

  @Post(':id/read')
  @HttpCode(HttpStatus.OK)
  async markRead(@Param() { userId }: UserParams, @Param('id') id: string) {
    const { exists, changed, unread } = await this.inbox.markRead(userId, id);
    if (!exists) throw new NotFoundException('This notification is not in the inbox');
    if (changed) await this.#tell(userId, { ids: [id] });
    return { unread };
  }

  async #tell(userId: string, read: NotificationsRead): Promise<void> {
    await this.pubsub.publish(userChannel(userId), read);
  }
}
