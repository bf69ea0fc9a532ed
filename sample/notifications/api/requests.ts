import { IsString, Length } from 'class-validator';
import { IsUserId } from '../contract/user-id.js';

export class UserParams {
  @IsUserId()
  id!: string;
}

export class RegisterRequest {
  @IsUserId()
  id!: string;
}

export class FollowRequest {
  @IsUserId()
  followerId!: string;
}

export class MentionRequest {
  @IsUserId()
  authorId!: string;

  @IsString()
  @Length(1, 500)
  text!: string;
}
