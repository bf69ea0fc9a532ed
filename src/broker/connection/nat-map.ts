/** Where a server is reached. */
interface ServerAddress {
  host: string;
  port: number;
}

/** ioredis' option `natMap`. The type of ioredis before 5.4 has no function. */
type NatMap = Readonly<Record<string, ServerAddress>> | ((address: string) => ServerAddress | null);

/** Translates the address `host:port` of a server with the user's `natMap`, as ioredis does; `undefined` if it has no entry. */
export function translate(natMap: NatMap | undefined, address: string): ServerAddress | undefined {
  return (typeof natMap === 'function' ? natMap(address) : natMap?.[address]) ?? undefined;
}
