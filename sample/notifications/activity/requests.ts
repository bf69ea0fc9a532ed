import { IsIn, IsString, Length } from 'class-validator';
import { POSTS } from './posts.js';

export class PostParams {
  @IsIn(POSTS.map(({ id }) => id))
  postId!: string;
}

export class CommentRequest {
  @IsString()
  @Length(1, 500)
  text!: string;
}
