import type { Redis } from 'ioredis';
import { InvalidOptionError } from '../../errors.js';

/** Who a connection logs in as: an ACL user, or with the password alone the default user. */
export interface Credentials {
  readonly username?: string;
  readonly password: string;
}

/** Gives the credentials for the next attempt to connect. */
export type CredentialsProvider = () => Credentials | Promise<Credentials>;

/** How long they may take, in milliseconds: an attempt that waits for ever would be the last one. */
const PATIENCE = 10_000;

/** What an attempt of an ioredis client begins with, and is ended by. Its types do not show it. */
interface Connector {
  connect(emit: unknown): Promise<unknown>;
  disconnect(): void;
}

/** A question that is on its way. */
interface Question {
  readonly answer: Promise<Credentials>;
  interrupt(): void;
}

const asking = new WeakSet<Redis>();

/**
 * Has a client log in with what `provide` gives, asked before each attempt to connect: ioredis itself knows
 * only a password that never changes (https://github.com/redis/ioredis/issues/1738).
 */
export function logIn(client: Redis, provide: CredentialsProvider | undefined): Redis {
  if (!provide) return client;
  asking.add(client);
  const connector = Reflect.get(client, 'connector') as Connector;
  const connect = connector.connect.bind(connector);
  const disconnect = connector.disconnect.bind(connector);
  let question: Question | undefined;
  connector.connect = async (emit) => {
    question = ask(provide);
    const { username, password } = await question.answer;
    const auth = username === undefined ? password : [username, password];
    // It has read its options by now.
    Object.assign(client.condition ?? {}, { auth });
    return connect(emit);
  };
  connector.disconnect = () => {
    question?.interrupt();
    disconnect();
  };
  return client;
}

/** Whether the next attempt of a client may log in as somebody else. */
export function asksForCredentials(client: Redis): boolean {
  return asking.has(client);
}

function ask(provide: CredentialsProvider): Question {
  let interrupt!: () => void;
  const answer = new Promise<Credentials>((resolve, reject) => {
    const fail = (reason: string): void => reject(new Error(reason));
    interrupt = () => fail('Connection is closed.');
    const late = (): void => fail(`Expected "credentials" within ${PATIENCE} ms`);
    const timer = setTimeout(late, PATIENCE).unref();
    void checked(provide)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
  return { answer, interrupt };
}

async function checked(provide: CredentialsProvider): Promise<Credentials> {
  const credentials: unknown = await provide();
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
