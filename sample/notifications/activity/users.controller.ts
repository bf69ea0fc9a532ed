import {
  BadRequestException,
  Controller,
  Delete,
  Get,
  Param,
  Put,
  UseGuards,
} from '@nestjs/common';
import { UserParams } from '../contract/user-params.js';
import { ChangeLimitGuard } from '../http/change-limit.js';
import { ExistingUserPipe } from '../http/existing-user.pipe.js';
import { CurrentUserId } from '../session/current-user-id.decorator.js';
import { SessionGuard } from '../session/session.guard.js';
import { ActivityEvents } from './activity.events.js';
import { ActivityStore } from './activity.store.js';

@Controller()
@UseGuards(SessionGuard, ChangeLimitGuard)
export class UsersController {
  constructor(
    private readonly store: ActivityStore,
    private readonly events: ActivityEvents,
  ) {}

  @Get('following')
  following(@CurrentUserId() me: string): Promise<string[]> {
    return this.store.following(me);
  }

  @Put('users/:userId/follow')
  async follow(@CurrentUserId() me: string, @Param(ExistingUserPipe) { userId }: UserParams) {
    if (userId === me) throw new BadRequestException('You cannot follow yourself');
    const isNew = await this.store.follow(me, userId);
    if (isNew) this.events.followed(userId, me);
    return { isFollowing: true };
  }

  @Delete('users/:userId/follow')
  async unfollow(@CurrentUserId() me: string, @Param(ExistingUserPipe) { userId }: UserParams) {
    await this.store.unfollow(me, userId);
    return { isFollowing: false };
  }
}
