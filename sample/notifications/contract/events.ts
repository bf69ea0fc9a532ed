import { IsIn, IsObject, IsString, IsUUID, Length } from 'class-validator';
import { NOTIFICATION_TYPES, type NotificationType } from './notification.js';
import { IfGiven } from './if-given.js';
import { IsSmall } from './is-small.js';
import { IsUser } from './is-user.js';
import { MAX_TEXT_LENGTH, MAX_TITLE_LENGTH } from './limits.js';
import { IsUserId } from './user-id.js';

/** An event of a user. The channel is the kind of event: `user.followed`, `user.messaged`. */
export class UserEvent {
  /** Identifies the event: every instance of a service receives it, and only one may handle it. */
  @IsUUID()
  id!: string;

  /** The user that is notified. */
  @IsUserId()
  @IsUser()
  userId!: string;

  /** The user that caused the event. */
  @IsUserId()
  @IsUser()
  actorId!: string;

  @IfGiven()
  @IsString()
  @Length(1, MAX_TEXT_LENGTH)
  text?: string;
}

/** An event of a post of `userId`. The channel is the kind of event: `post.liked`, `post.commented`. */
export class PostEvent extends UserEvent {
  @IsString()
  @Length(1, 64)
  postId!: string;
}

/** What an administrator sends to one user, or to all users. */
export class NoticeContent {
  @IsString()
  @Length(1, MAX_TITLE_LENGTH)
  title!: string;

  @IsString()
  @Length(1, MAX_TEXT_LENGTH)
  message!: string;

  @IfGiven()
  @IsIn(NOTIFICATION_TYPES)
  type?: NotificationType;

  /** Any data for programs that show the notification. */
  @IfGiven()
  @IsObject()
  @IsSmall()
  data?: object;
}

/** An announcement to all users. */
export class Announcement extends NoticeContent {
  @IsUUID()
  id!: string;

  /** The administrator that sends it. */
  @IsUserId()
  @IsUser()
  actorId!: string;
}

/** A notice to one user. */
export class Notice extends Announcement {
  @IsUserId()
  @IsUser()
  userId!: string;
}
