import { ValidateBy } from 'class-validator';

/** The maximum length of the data of a notification as JSON, in characters: an inbox keeps a hundred of them. */
const MAX_DATA_LENGTH = 2_000;

/** An object whose JSON is not too long. */
export function IsSmall(): PropertyDecorator {
  return ValidateBy({
    name: 'isSmall',
    validator: {
      validate: (value: unknown) => (JSON.stringify(value) ?? '').length <= MAX_DATA_LENGTH,
      defaultMessage: () => `$property must have at most ${MAX_DATA_LENGTH} characters as JSON`,
    },
  });
}
