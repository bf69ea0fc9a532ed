import { Matches } from 'class-validator';

/** User ids are part of channel names, so that separators and glob characters are not allowed. */
export function IsUserId(): PropertyDecorator {
  return Matches(/^[\w-]{1,64}$/, {
    message: '$property must be 1 to 64 letters, digits, _ or -',
  });
}
