import { IsIn, IsOptional, IsString, Length } from 'class-validator';
import { NOTIFICATION_TYPES, type NotificationType } from './notification.js';
import { IsUserId } from './user-id.js';

/** What happened to a user; the channel says what: `user.followed`, `user.mentioned`, … */
export class UserEvent {
  /** Whom it concerns. */
  @IsUserId()
  userId!: string;

  /** Who did it. */
  @IsOptional()
  @IsUserId()
  actorId?: string;

  @IsOptional()
  @IsString()
  @Length(1, 500)
  text?: string;
}

/** What everybody should know. */
export class Announcement {
  @IsString()
  @Length(1, 100)
  title!: string;

  @IsString()
  @Length(1, 500)
  message!: string;

  @IsOptional()
  @IsIn(NOTIFICATION_TYPES)
  type?: NotificationType;
}
