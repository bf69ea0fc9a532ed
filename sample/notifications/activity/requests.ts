import { IsIn, IsString, Length } from 'class-validator';
import { MAX_TEXT_LENGTH } from '../contract/limits.js';
import { POSTS } from './posts.js';

export class PostParams {
  @IsIn(POSTS.map(({ id }) => id))
  postId!: string;
}

export class CommentRequest {
  @IsString()
  @Length(1, MAX_TEXT_LENGTH)
  text!: string;
}
