/** One right that a service needs of Redis. */
export interface Right {
  /** The rule of ACL SETUSER, such as `+publish` or `&shop:*`. */
  readonly rule: string;
  /** What needs it, for people. */
  readonly reason: string;
  /** A command that Redis refuses without it. */
  readonly command: readonly [name: string, ...args: string[]];
}

/** The version of a server, as far as rights depend on it. Valkey tells that of the Redis that it is compatible with. */
export interface ServerVersion {
  readonly major: number;
  readonly minor: number;
}

/** Reads the version in the answer to INFO; `undefined` if it tells none. */
export function versionIn(info: unknown): ServerVersion | undefined {
  const found = /^redis_version:(\d+)\.(\d+)/m.exec(String(info));
  return found ? { major: Number(found[1]), minor: Number(found[2]) } : undefined;
}

/** Whether a version is this one or a later one. */
export function isAtLeast({ major, minor }: ServerVersion, from: ServerVersion): boolean {
  return major > from.major || (major === from.major && minor >= from.minor);
}
