import { IsIn, IsString, IsUUID, Length } from 'class-validator';
import { NOTIFICATION_TYPES, type NotificationType } from './notification.js';
import { IfGiven } from './if-given.js';
import { IsUserId } from './user-id.js';

/** What happened to a user; the channel says what: `user.followed`, `user.messaged`. */
export class UserEvent {
  /** Every instance of a service hears every event: by this id they know that it is the same. */
  @IsUUID()
  id!: string;

  /** Whom it concerns. */
  @IsUserId()
  userId!: string;

  /** Who did it. */
  @IsUserId()
  actorId!: string;

  @IfGiven()
  @IsString()
  @Length(1, 500)
  text?: string;
}

/** What happened to a post of `userId`; the channel says what: `post.liked`, `post.commented`. */
export class PostEvent extends UserEvent {
  @IsString()
  @Length(1, 64)
  postId!: string;
}

/** What an administrator writes. */
export class AnnouncementText {
  @IsString()
  @Length(1, 100)
  title!: string;

  @IsString()
  @Length(1, 500)
  message!: string;

  @IfGiven()
  @IsIn(NOTIFICATION_TYPES)
  type?: NotificationType;
}

/** What everybody should know. */
export class Announcement extends AnnouncementText {
  @IsUUID()
  id!: string;
}
