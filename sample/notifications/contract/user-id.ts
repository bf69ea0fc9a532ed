import { Matches } from 'class-validator';

/** User ids are part of channel names, so that separators and glob characters are not allowed. */
export const USER_ID = /^[\w-]{1,64}$/;

/** The form of a user id. There may be no such user. */
export function IsUserId(): PropertyDecorator {
  return Matches(USER_ID, { message: '$property must be 1 to 64 letters, digits, _ or -' });
}
