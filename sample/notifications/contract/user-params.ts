import { IsUserId } from './user-id.js';

/** The parameters of a route with a user id. */
export class UserParams {
  @IsUserId()
  userId!: string;
}
