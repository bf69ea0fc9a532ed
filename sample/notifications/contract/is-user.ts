import { ValidateBy } from 'class-validator';
import { findUser } from './demo-users.js';

/** The id of a user that exists. */
export function IsUser(): PropertyDecorator {
  return ValidateBy({
    name: 'isUser',
    validator: {
      validate: (id: unknown) => typeof id === 'string' && findUser(id) !== undefined,
      defaultMessage: () => '$property must be the id of a user',
    },
  });
}
