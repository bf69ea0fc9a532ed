const refuse = (): never => {
  throw new Error('This value cannot be read');
};

/** Traps that throw at every access to a `Proxy`. */
const TRAPS: ProxyHandler<object> = {
  get: refuse,
  has: refuse,
  ownKeys: refuse,
  getPrototypeOf: refuse,
  getOwnPropertyDescriptor: refuse,
};

/** An object whose properties with these names throw when they are read. */
function withGetters(target: object, ...names: string[]): object {
  for (const name of names) Object.defineProperty(target, name, { get: refuse, enumerable: true });
  return target;
}

/** Values that a handler may throw or return, and that fail when code reads or awaits them. By their names. */
export function hostileValues(): [name: string, value: unknown][] {
  return [
    ['undefined', undefined],
    ['null', null],
    ['an empty text', ''],
    ['zero', 0],
    ['NaN', Number.NaN],
    ['a BigInt', 1n],
    ['a symbol', Symbol('symbol')],
    ['a function', () => 1],
    ['an object without a prototype', Object.create(null)],
    ['an object whose getters throw', withGetters({}, 'message', 'status', 'stack', 'name')],
    ['an error whose message throws', withGetters(new Error('x'), 'message')],
    ['an error whose stack throws', withGetters(new Error('x'), 'stack', 'name', 'cause')],
    ['an error whose message is a symbol', Object.assign(new Error('x'), { message: Symbol('m') })],
    ['an error whose stack is a number', Object.assign(new Error('x'), { stack: 5 })],
    ['an object whose toString throws', { toString: refuse }],
    ['an object whose toJSON throws', { toJSON: refuse }],
    ['an object whose toJSON gives nothing', { toJSON: () => undefined }],
    // oxlint-disable-next-line unicorn/no-thenable -- what the tests are about
    ['a thenable that throws', { then: refuse }],
    // oxlint-disable-next-line unicorn/no-thenable -- what the tests are about
    ['a thenable that never settles', { then: () => undefined }],
    ['an object whose then cannot be read', withGetters({}, 'then')],
    ['a Proxy whose traps throw', new Proxy({}, TRAPS)],
    ['a Proxy of an error whose traps throw', new Proxy(new Error('x'), TRAPS)],
    ['a Proxy of a function whose traps throw', new Proxy(() => 1, TRAPS)],
    ['a Proxy that was revoked', revoked()],
    [
      'an object with a custom inspection that throws',
      { [Symbol.for('nodejs.util.inspect.custom')]: refuse },
    ],
    ['an object that looks like an Observable', { lift: refuse, subscribe: refuse }],
  ];
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
