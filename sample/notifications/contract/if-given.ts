import { ValidateIf } from 'class-validator';

/** A property may be missing. Unlike with `IsOptional`, `null` is not missing. */
export function IfGiven(): PropertyDecorator {
  return ValidateIf((_object, value) => value !== undefined);
}
