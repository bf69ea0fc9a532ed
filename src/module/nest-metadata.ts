// What Nest's decorators keep, where Nest exports no name for the place.
import { UseFilters, UseGuards, UseInterceptors, UsePipes, type Type } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';

class Probe {}

/** The key under which a decorator of Nest's stores what it is given; Nest exports no name for it. */
function metadataKey(
  decorate: (target: object, key: string, descriptor: PropertyDescriptor) => void,
) {
  const probe = class {};
  decorate(Probe.prototype, 'probe', { value: probe });
  return Reflect.getMetadataKeys(probe)[0] as string;
}

const HANDLER_KEY = metadataKey(EventPattern('probe'));
/** Where the guards, interceptors, pipes and filters of a class or a method are kept. */
export const ENHANCER_KEYS = [UseGuards, UseInterceptors, UsePipes, UseFilters].map((use) =>
  metadataKey((use as (it: Type) => MethodDecorator)(Probe)),
);

const TRANSPORT_KEY = transportKey();

/** As {@link metadataKey}, for what stands beside the pattern. */
function transportKey(): string {
  const probe = class {};
  const transport = Symbol('probe');
  const decorate = EventPattern<string>('probe', transport);
  decorate(Probe.prototype, 'probe', { value: probe });
  const keys = Reflect.getMetadataKeys(probe) as string[];
  return keys.find((key) => Reflect.getMetadata(key, probe) === transport) ?? '';
}

const PARAMETERS_KEY = parametersKey();

/** As {@link metadataKey}, for the decorators of a method's parameters. */
function parametersKey(): string {
  Payload()(Probe.prototype, 'probe', 0);
  return Reflect.getMetadataKeys(Probe, 'probe')[0] as string;
}

/** The pipes of the parameters of a method. */
export function parameterPipes(target: object, method: string): unknown[] {
  const parameters = (Reflect.getMetadata(PARAMETERS_KEY, target, method) ?? {}) as Record<
    string,
    { readonly pipes?: unknown[] }
  >;
  return Object.values(parameters).flatMap(({ pipes }) => pipes ?? []);
}

/** Whether a method has an `@EventPattern` or a `@MessagePattern`. */
export function isHandler(method: object): boolean {
  return Reflect.hasMetadata(HANDLER_KEY, method);
}

/** Whether the decorator of a handler names a transport: else every transport serves it. */
export function namesTransport(method: object): boolean {
  return Reflect.getMetadata(TRANSPORT_KEY, method) !== undefined;
}
