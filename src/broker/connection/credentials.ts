import type { Redis } from 'ioredis';
import { InvalidOptionError, messageOf } from '../../errors.js';
import { withoutSecretWords } from '../../shared/clean-error.js';
import { beforeConnect, setAuth } from './ioredis-internals.js';
import { TimeLimit } from './time-limit.js';
import { isError } from '../../shared/is-error.js';

/** What a connection logs in with: an ACL user, or the password of the default user. */
export interface Credentials {
  readonly username?: string;
  readonly password: string;
}

/** Returns the credentials for the next attempt to connect. */
export type CredentialsProvider = () => Credentials | Promise<Credentials>;

/** Without a limit, an attempt that waits for credentials for ever would be the last one. */
const CREDENTIALS_TIMEOUT_MS = 10_000;

/** A call of a provider that has not settled yet. */
interface PendingCall {
  readonly credentials: Promise<Credentials>;
  cancel(): void;
}

const clientsWithProvider = new WeakSet<Redis>();

/**
 * Makes a client log in with the credentials that `provider` returns before each attempt to connect. ioredis
 * itself takes only a constant password.
 *
 * @see https://github.com/redis/ioredis/issues/1738
 */
export function installCredentials(
  client: Redis,
  provider: CredentialsProvider | undefined,
): Redis {
  if (!provider) return client;
  clientsWithProvider.add(client);
  let pending: PendingCall | undefined;
  const before = async (): Promise<void> => {
    pending = callProvider(provider);
    const { username, password } = await pending.credentials;
    setAuth(client, username === undefined ? password : [username, password]);
  };
  if (beforeConnect(client, before, () => pending?.cancel())) return client;
  throw new InvalidOptionError('credentials', 'absent with this version of ioredis', 'a function');
}

/** Whether the next attempt of a client may log in with other credentials. */
export function hasCredentialsProvider(client: Redis): boolean {
  return clientsWithProvider.has(client);
}

function callProvider(provider: CredentialsProvider): PendingCall {
  let cancel!: () => void;
  const credentials = new Promise<Credentials>((resolve, reject) => {
    const fail = (reason: string): void => reject(new Error(reason));
    const limit = new TimeLimit(
      CREDENTIALS_TIMEOUT_MS,
      // The provider has sockets of its own.
      () => undefined,
      () => fail(`Expected "credentials" within ${CREDENTIALS_TIMEOUT_MS} ms`),
    );
    cancel = () => {
      limit.cancel();
      fail('Connection is closed.');
    };
    void checked(provider)
      .then(resolve, reject)
      .finally(() => limit.cancel());
  });
  return { credentials, cancel };
}

/** The application's error may have a token, in its text or beside it: the log of a connection shows only what is safe. */
async function called(provider: CredentialsProvider): Promise<unknown> {
  try {
    return await provider();
  } catch (error) {
    const isText = isError(error) || typeof error === 'string';
    const reason = isText ? withoutSecretWords(messageOf(error)) : 'it threw no error';
    // oxlint-disable-next-line preserve-caught-error -- a cause would show what this leaves out
    throw new Error(`"credentials" failed: ${reason}`);
  }
}

async function checked(provider: CredentialsProvider): Promise<Credentials> {
  const credentials = await called(provider);
  const { username, password } = (credentials ?? {}) as Partial<Record<keyof Credentials, unknown>>;
  const isUser = username === undefined || typeof username === 'string';
  if (isUser && typeof password === 'string') return credentials as Credentials;
  // The error does not show the value: it may contain a password.
  throw new InvalidOptionError(
    'credentials',
    'a function that gives { username?: string, password: string }',
    'something else',
  );
}
