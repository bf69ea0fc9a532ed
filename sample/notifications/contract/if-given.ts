import { ValidateIf } from 'class-validator';

/** Skips validation of a property that is `undefined`. Unlike `IsOptional`, it does not accept `null`. */
export function IfGiven(): PropertyDecorator {
  return ValidateIf((_object, value) => value !== undefined);
}
