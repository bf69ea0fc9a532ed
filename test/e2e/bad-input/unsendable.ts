interface Node {
  next?: Node;
}
export const cycle: Node = {};
cycle.next = cycle;

/** Data that JSON has no form for. */
export const unsendable: [name: string, data: unknown][] = [
  ['a cycle', cycle],
  ['a BigInt', 1n],
  ['a BigInt in an object', { total: 1n }],
  ['a function', () => 1],
  ['a class', class {}],
  ['a symbol', Symbol('s')],
  ['an object whose toJSON throws', { toJSON: () => JSON.parse('{') as unknown }],
  ['an object whose toJSON returns undefined', { toJSON: () => undefined }],
  ['a Map', new Map([['a', 1]])],
  ['a Set in an array', [new Set([1])]],
  ['an Error in an object', { error: new Error('boom') }],
  ['bytes in an object', { bytes: new Uint8Array(2) }],
  ['a Buffer in an object', { bytes: Buffer.from('a') }],
  ['a promise in an object', { later: Promise.resolve(1) }],
  ['a function beside data', { id: 1, callback: () => 1 }],
  ['an invalid Date', { at: new Date(NaN) }],
  ['a regular expression', { match: /a/ }],
  ['NaN', { total: NaN }],
  [
    'a getter that throws',
    Object.defineProperty({}, 'total', {
      enumerable: true,
      get: () => JSON.parse('{') as unknown,
    }),
  ],
];
