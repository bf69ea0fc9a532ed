import 'reflect-metadata';
import { Expose, plainToInstance, Transform } from 'class-transformer';
import { IsInt, IsUrl, Min, validateSync } from 'class-validator';

/** Reads an object of settings from the environment variables. Throws for one that is wrong, without its value. */
export function readEnvironment<T extends object>(Class: new () => T): T {
  // An empty variable is none, as in the files of many tools.
  const given = Object.entries(process.env).filter(([, text]) => text !== '');
  const settings = plainToInstance(Class, Object.fromEntries(given), {
    excludeExtraneousValues: true,
    exposeDefaultValues: true,
  });
  const [wrong] = validateSync(settings);
  if (!wrong) return settings;
  throw new Error(Object.values(wrong.constraints ?? {})[0]);
}

/** A variable with a URL of one of these protocols. */
export function Url(name: string, ...protocols: readonly string[]): PropertyDecorator {
  const message = `Expected ${name} to be a URL that begins with ${protocols.map((it) => `${it}://`).join(' or ')}`;
  return all(
    Expose({ name }),
    IsUrl({ protocols: [...protocols], require_tld: false, require_protocol: true }, { message }),
  );
}

/** A variable with an integer that is not negative. */
export function Count(name: string): PropertyDecorator {
  const message = `Expected ${name} to be an integer ≥ 0`;
  return all(
    Expose({ name }),
    Transform(({ value }) => (value === undefined ? undefined : Number(value))),
    IsInt({ message }),
    Min(0, { message }),
  );
}

function all(...decorators: readonly PropertyDecorator[]): PropertyDecorator {
  return (target, property) => {
    for (const decorate of decorators) decorate(target, property);
  };
}
