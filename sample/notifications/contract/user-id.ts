import { Matches } from 'class-validator';

/** Ids become part of channel names, so they are narrow from the start. */
export function IsUserId(): PropertyDecorator {
  return Matches(/^[\w-]{1,64}$/, {
    message: '$property must be 1 to 64 letters, digits, _ or -',
  });
}
