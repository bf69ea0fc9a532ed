/**
 * Every place where the module reaches into parts of `@nestjs/core` and `@nestjs/microservices` that are not
 * public, read in 11.1.4, 11.2 and 12.5. Each has a test against the supported versions.
 */
import { UseFilters, UseGuards, UseInterceptors, UsePipes, type Type } from '@nestjs/common';
import {
  ApplicationConfig,
  GraphInspector,
  type ModuleRef,
  type ModulesContainer,
} from '@nestjs/core';
import {
  EventPattern,
  NestMicroservice,
  Payload,
  type CustomTransportStrategy,
} from '@nestjs/microservices';

/** Nest's container of modules. */
export type Container = ModuleRef['container'];

/** A module in a {@link Container}. */
export type NestModule = ModulesContainer extends Map<string, infer Module> ? Module : never;

/** A provider or controller of a {@link NestModule}. */
export type Wrapper = NestModule['providers'] extends Map<unknown, infer W> ? W : never;

/** The container of an application. `ModuleRef#container` is protected. */
export function containerOf(moduleRef: ModuleRef): Container {
  return moduleRef['container'];
}

/**
 * Registers the handlers of a container's controllers with a server. `NestMicroservice#registerListeners` is
 * public, and meant for Nest itself.
 */
export function registerHandlers(
  container: Container,
  strategy: CustomTransportStrategy,
  config: ApplicationConfig | undefined,
  onHandler: (handler: FoundHandler) => void = () => undefined,
): void {
  const inspector = new HandlerInspector(container, onHandler);
  const application = config ?? new ApplicationConfig();
  new NestMicroservice(container, { strategy }, inspector, application).registerListeners();
}

/** A handler, before it is registered. */
export interface FoundHandler {
  /** Its class and its method: `UserEvents.onUser`. */
  readonly name: string;
  readonly patterns: readonly unknown[];
  /** The options of its decorator. */
  readonly extras: object | undefined;
}

/** Nest tells its inspector about each handler, which its server sees as a function without a name. */
class HandlerInspector extends GraphInspector {
  constructor(
    container: Container,
    private readonly onHandler: (handler: FoundHandler) => void,
  ) {
    super(container);
  }

  override insertEntrypointDefinition<T>(
    definition: Parameters<typeof GraphInspector.prototype.insertEntrypointDefinition<T>>[0],
    parentId: string,
  ): void {
    const { className, methodName, metadata } = definition;
    const { patterns = [], extras } = metadata as Partial<FoundHandler>;
    this.onHandler({ name: `${className}.${methodName}`, patterns, extras });
    super.insertEntrypointDefinition(definition, parentId);
  }
}

/** Calls `listener` with each server that an application has connected, and with each that it connects later. */
export function onConnectedServer(
  container: Container,
  listener: (server: unknown) => void,
): { unsubscribe(): void } {
  const modules = container.getModules();
  if (!('getRpcTargetRegistry' in modules)) {
    throw new Error(
      'nestjs-redis-pubsub needs Nest 11.1.4 or later; update @nestjs/common, @nestjs/core and @nestjs/microservices',
    );
  }
  return modules.getRpcTargetRegistry<unknown>().subscribe(listener);
}

/**
 * Places a module in the order of life cycle hooks. Nest starts modules from the innermost to the outermost,
 * and stops them in the opposite order. It derives the order from `Module#distance`, the distance to the
 * root module.
 */
export function placeModule(
  modules: ModulesContainer,
  metatype: Type,
  place: 'innermost' | 'outermost',
): void {
  for (const module of modules.values()) {
    if (module.metatype === metatype) {
      // Global modules have the largest distance.
      module.distance = place === 'innermost' ? Infinity : -1;
    }
  }
}

/** The key of the dependencies of a {@link Wrapper}. */
const DEPENDENCIES = Symbol.for('instance_metadata:cache');

/**
 * A view of a provider with more enhancers. The provider itself stays unchanged: Nest would not call the
 * shutdown hooks of one that needs an instance for each message.
 */
export function withEnhancers(wrapper: Wrapper, enhancers: readonly Wrapper[]): Wrapper {
  if (enhancers.length === 0) return wrapper;
  const dependencies = Reflect.get(wrapper, DEPENDENCIES) as object;
  const own = [...(wrapper.getEnhancersMetadata() ?? [])];
  const unknown = { value: undefined, writable: true };
  const view = Object.create(wrapper, {
    [DEPENDENCIES]: { value: { ...dependencies, enhancers: own } },
    isTreeStatic: unknown,
    isTreeDurable: unknown,
    isTreeIntrospected: unknown,
  }) as Wrapper;
  for (const enhancer of enhancers) view.addEnhancerMetadata(enhancer);
  return view;
}

class Decorated {}

/** The metadata key of a method decorator. Nest exports no names for them. */
function metadataKey(
  decorate: (target: object, key: string, descriptor: PropertyDescriptor) => void,
) {
  const method = class {};
  decorate(Decorated.prototype, 'method', { value: method });
  return Reflect.getMetadataKeys(method)[0] as string;
}

const HANDLER_KEY = metadataKey(EventPattern('pattern'));

/** The metadata keys of guards, interceptors, pipes and filters. */
export const ENHANCER_KEYS: readonly string[] = [
  UseGuards,
  UseInterceptors,
  UsePipes,
  UseFilters,
].map((use) => metadataKey((use as (it: Type) => MethodDecorator)(Decorated)));

const TRANSPORT_KEY = transportKey();

/** As {@link metadataKey}, for the transport of a pattern. */
function transportKey(): string {
  const method = class {};
  const transport = Symbol('transport');
  const decorate = EventPattern<string>('pattern', transport);
  decorate(Decorated.prototype, 'method', { value: method });
  const keys = Reflect.getMetadataKeys(method) as string[];
  return keys.find((key) => Reflect.getMetadata(key, method) === transport) ?? '';
}

const PARAMETERS_KEY = parametersKey();

/** As {@link metadataKey}, for decorators of parameters. */
function parametersKey(): string {
  Payload()(Decorated.prototype, 'method', 0);
  return Reflect.getMetadataKeys(Decorated, 'method')[0] as string;
}

/** The pipes of the parameters of a method. */
export function parameterPipes(target: object, method: string): unknown[] {
  return parametersOf(target, method).flatMap(({ pipes }) => pipes ?? []);
}

/** The indices of the parameters of a method that have decorators of Nest. */
export function decoratedParameters(target: object, method: string): number[] {
  return parametersOf(target, method).map(({ index }) => index);
}

interface Parameter {
  readonly index: number;
  readonly pipes?: unknown[];
}

function parametersOf(target: object, method: string): Parameter[] {
  const parameters: unknown = Reflect.getMetadata(PARAMETERS_KEY, target, method);
  return Object.values((parameters ?? {}) as Record<string, Parameter>);
}

/** Whether a method has a `@Subscribe`, an `@EventPattern` or a `@MessagePattern`. */
export function isHandler(method: object): boolean {
  return Reflect.hasMetadata(HANDLER_KEY, method);
}

/** Whether the decorator of a handler names a transport. Without one, every transport takes the handler. */
export function namesTransport(method: object): boolean {
  return transportOf(method) !== undefined;
}

/** The transport that the decorator of a handler names, if it names one. */
export function transportOf(method: object): unknown {
  return Reflect.getMetadata(TRANSPORT_KEY, method);
}
