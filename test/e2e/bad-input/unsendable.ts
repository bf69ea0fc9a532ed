interface Node {
  next?: Node;
}
export const cycle: Node = {};
cycle.next = cycle;

/** Data that JSON cannot represent. */
export const unsendable: [name: string, data: unknown][] = [
  ['a cycle', cycle],
  ['a BigInt', 1n],
  ['a BigInt in an object', { total: 1n }],
  ['a function', () => 1],
  ['a class', class {}],
  ['a symbol', Symbol('s')],
  ['an object whose toJSON throws', { toJSON: () => JSON.parse('{') as unknown }],
  ['an object whose toJSON returns undefined', { toJSON: () => undefined }],
];
