import type { Redis } from 'ioredis';
import { InvalidOptionError } from '../errors.js';

/** Who a connection logs in as: of an ACL user, or the password alone of the default user. */
export interface Credentials {
  readonly username?: string;
  readonly password: string;
}

/** Gives the credentials for the next attempt to connect. */
export type CredentialsProvider = () => Credentials | Promise<Credentials>;

/** How long they may take, in milliseconds: an attempt that waits for ever would be the last one. */
const PATIENCE = 10_000;

/** What an attempt of an ioredis client begins with. Its types do not show it. */
interface Connector {
  connecting: boolean;
  connect(emit: unknown): Promise<unknown>;
}

/**
 * Has a client log in with what `provide` gives, asked before each attempt to connect: ioredis itself knows
 * only a password that never changes (https://github.com/redis/ioredis/issues/1738).
 */
export function logIn(client: Redis, provide: CredentialsProvider | undefined): Redis {
  if (!provide) return client;
  const connector = Reflect.get(client, 'connector') as Connector;
  const connect = connector.connect.bind(connector);
  connector.connect = async (emit) => {
    connector.connecting = true;
    const { username, password } = await ask(provide);
    // Told to disconnect meanwhile.
    if (!connector.connecting) throw new Error('Connection is closed.');
    const auth = username === undefined ? password : [username, password];
    // It has read its options by now.
    Object.assign(client.condition ?? {}, { auth });
    return connect(emit);
  };
  return client;
}

async function ask(provide: CredentialsProvider): Promise<Credentials> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const fail = (): void => reject(new Error(`Expected "credentials" within ${PATIENCE} ms`));
    timer = setTimeout(fail, PATIENCE).unref();
  });
  try {
    return checked(await Promise.race([provide(), late]));
  } finally {
    clearTimeout(timer);
  }
}

function checked(credentials: unknown): Credentials {
  const { username, password } = (credentials ?? {}) as Partial<Record<keyof Credentials, unknown>>;
  const isUser = username === undefined || typeof username === 'string';
  if (isUser && typeof password === 'string') return credentials as Credentials;
  // Not what came: it may be half a password.
  throw new InvalidOptionError(
    'credentials',
    'a function that gives { username?: string, password: string }',
    'something else',
  );
}
