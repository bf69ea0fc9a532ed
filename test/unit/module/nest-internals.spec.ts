import {
  Controller,
  Injectable,
  Module,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type Type,
} from '@nestjs/common';
import { ModuleRef, NestContainer } from '@nestjs/core';
import {
  Ctx,
  EventPattern,
  MessagePattern,
  Payload,
  Server,
  Transport,
  type CustomTransportStrategy,
} from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from 'vitest';
import {
  containerOf,
  ENHANCER_KEYS,
  isHandler,
  namesTransport,
  onConnectedServer,
  parameterPipes,
  placeModule,
  registerHandlers,
  withEnhancers,
  type Container,
  type Wrapper,
} from '../../../src/module/nest-internals.js';

@Injectable()
class OwnPipe {
  transform(value: unknown): unknown {
    return value;
  }
}

@Injectable()
class OwnGuard {
  canActivate(): boolean {
    return true;
  }
}

@Controller()
class Handlers {
  @EventPattern('event')
  onEvent(@Payload(OwnPipe) _data: unknown, @Ctx() _context: unknown): void {}

  @MessagePattern('request', Transport.REDIS)
  @UseGuards(OwnGuard)
  onRequest(): number {
    return 1;
  }

  helper(): void {}
}

@Module({ controllers: [Handlers], providers: [OwnGuard, OwnPipe] })
class HandlersModule {}

const compile = () => Test.createTestingModule({ imports: [HandlersModule] }).compile();

describe('containerOf, with the installed Nest', () => {
  it('is the container of the application', async () => {
    const app = await compile();
    const container = containerOf(app.get(ModuleRef));
    expect(container).toBeInstanceOf(NestContainer);
    const metatypes = [...container.getModules().values()].map(({ metatype }) => metatype);
    expect(metatypes).toContain(HandlersModule);
  });
});

describe('registerHandlers, with the installed Nest', () => {
  it('adds each decorated method of the controllers to the server', async () => {
    const app = await compile();
    const added: unknown[] = [];
    class Strategy extends Server implements CustomTransportStrategy {
      listen(): void {}
      close(): void {}
      on(): void {}
      unwrap(): never {
        throw new Error('nothing');
      }
      override addHandler(pattern: unknown, _: unknown, isEventHandler = false): void {
        added.push([pattern, isEventHandler]);
      }
    }
    const strategy = new Strategy();
    Reflect.set(strategy, 'transportId', Transport.REDIS);
    registerHandlers(containerOf(app.get(ModuleRef)), strategy, undefined);
    expect(added).toEqual([
      ['event', true],
      ['request', false],
    ]);
  });
});

describe('onConnectedServer, with the installed Nest', () => {
  it('reports earlier and later servers until it is unsubscribed', async () => {
    const app = await compile();
    const container = containerOf(app.get(ModuleRef));
    const modules = container.getModules();
    const servers: unknown[] = [];
    modules.addRpcTarget('before');
    const subscription = onConnectedServer(container, (server) => servers.push(server));
    modules.addRpcTarget('later');
    subscription.unsubscribe();
    modules.addRpcTarget('after');
    expect(servers).toEqual(['before', 'later']);
  });

  it('throws with the version that it needs where Nest has no registry of servers', () => {
    const container = { getModules: () => new Map() } as unknown as Container;
    expect(() => onConnectedServer(container, () => undefined)).toThrow('needs Nest 11.1.4');
  });
});

describe('placeModule, with the installed Nest', () => {
  it.each([
    ['innermost', Infinity],
    ['outermost', -1],
  ] as const)('places a module %s by its distance', async (place, distance) => {
    const app = await compile();
    const modules = containerOf(app.get(ModuleRef)).getModules();
    const distances = (): number[] => [...modules.values()].map((it) => it.distance);
    const before = distances();
    placeModule(modules, HandlersModule, place);
    const changed = [...modules.values()].filter((it, i) => it.distance !== before[i]);
    expect(changed.map(({ metatype }) => metatype)).toEqual([HandlersModule]);
    expect(changed[0]?.distance).toBe(distance);
  });
});

async function wrappers(): Promise<{ handlers: Wrapper; guard: Wrapper }> {
  const app = await compile();
  const modules = [...containerOf(app.get(ModuleRef)).getModules().values()];
  const found = modules.find(({ metatype }) => metatype === HandlersModule);
  const handlers = found?.controllers.get(Handlers);
  const guard = found?.providers.get(OwnGuard);
  if (!handlers || !guard) throw new Error('Expected Nest to have both');
  return { handlers, guard };
}

describe('withEnhancers, with the installed Nest', () => {
  it('is the provider itself without enhancers', async () => {
    const { handlers } = await wrappers();
    expect(withEnhancers(handlers, [])).toBe(handlers);
  });

  it('has the enhancers, which the provider does not get', async () => {
    const { handlers, guard } = await wrappers();
    const before = [...(handlers.getEnhancersMetadata() ?? [])];
    const view = withEnhancers(handlers, [guard]);
    expect(view.getEnhancersMetadata()).toEqual([...before, guard]);
    expect(handlers.getEnhancersMetadata() ?? []).toEqual(before);
    expect([view.name, view.instance]).toEqual([handlers.name, handlers.instance]);
  });

  it('computes again whether the tree is static', async () => {
    const { handlers, guard } = await wrappers();
    expect(handlers.isDependencyTreeStatic()).toBe(true);
    const scoped = Object.create(guard, {
      isDependencyTreeStatic: { value: () => false },
    }) as Wrapper;
    expect(withEnhancers(handlers, [scoped]).isDependencyTreeStatic()).toBe(false);
    expect(handlers.isDependencyTreeStatic()).toBe(true);
  });
});

const method = (name: keyof Handlers): object => Handlers.prototype[name];

const decorate = (use: (it: Type) => MethodDecorator): string[] => {
  class Target {
    run(): void {}
  }
  const descriptor = Object.getOwnPropertyDescriptor(Target.prototype, 'run');
  use(OwnGuard)(Target.prototype, 'run', descriptor ?? {});
  return Reflect.getMetadataKeys(descriptor?.value as object) as string[];
};

describe('the metadata keys of the installed Nest', () => {
  it.each([
    ['onEvent', true, false],
    ['onRequest', true, true],
    ['helper', false, false],
  ] as const)('of %s: a handler %j, with a transport %j', (name, handles, hasTransport) => {
    expect([isHandler(method(name)), namesTransport(method(name))]).toEqual([
      handles,
      hasTransport,
    ]);
  });

  it('are one for each kind of enhancer', () => {
    const uses = [UseGuards, UseInterceptors, UsePipes, UseFilters];
    const keys = uses.map((use) => decorate(use as (it: Type) => MethodDecorator));
    expect(ENHANCER_KEYS.map((key) => [key])).toEqual(keys);
    expect(new Set(ENHANCER_KEYS).size).toBe(4);
  });

  it('have the pipes of the parameters of a method', () => {
    expect(parameterPipes(Handlers, 'onEvent')).toEqual([OwnPipe]);
    expect(parameterPipes(Handlers, 'onRequest')).toEqual([]);
  });
});
