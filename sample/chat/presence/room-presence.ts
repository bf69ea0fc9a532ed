/** What {@link RoomPresence} needs of Redis and of the node. */
export interface PresenceSteps {
  /** Renews the entries of these users of this node; resolves to the users that are present at all nodes. */
  renew(own: Iterable<string>): Promise<ReadonlySet<string>>;
  /** Removes the entries of these users of this node. */
  remove(users: readonly string[]): Promise<void>;
  /** Tells all nodes that have the room open to renew. */
  announce(): Promise<void>;
  /** Called with each change of who is present. */
  onChange(change: PresenceChange): void;
}

export interface PresenceChange {
  readonly joined: readonly string[];
  readonly left: readonly string[];
}

/** Who is present in one room, as one node sees it. A user is present once, with any number of sockets. */
export class RoomPresence {
  readonly #steps: PresenceSteps;
  /** The number of sockets of each user at this node. */
  readonly #sockets = new Map<string, number>();
  /** Users of this node whose entries Redis may still have. */
  readonly #gone = new Set<string>();
  #present: ReadonlySet<string> = new Set();
  #isChanged = false;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(steps: PresenceSteps) {
    this.#steps = steps;
  }

  /** The users that are present at all nodes, as Redis last told. */
  get present(): ReadonlySet<string> {
    return this.#present;
  }

  /** Whether a socket of this node is in the room. */
  get isHere(): boolean {
    return this.#sockets.size > 0;
  }

  /** Whether Redis does not have all changes of this node yet. */
  get hasToWrite(): boolean {
    return this.#gone.size > 0 || this.#isChanged;
  }

  /** Counts a socket of a user. Call {@link refresh} next. */
  add(userId: string): void {
    const count = this.#sockets.get(userId) ?? 0;
    this.#sockets.set(userId, count + 1);
    this.#gone.delete(userId);
    if (count === 0) this.#isChanged = true;
  }

  /** Counts a socket of a user that has left. Call {@link refresh} next. */
  remove(userId: string): void {
    const count = this.#sockets.get(userId) ?? 0;
    if (count > 1) {
      this.#sockets.set(userId, count - 1);
      return;
    }
    this.#sockets.delete(userId);
    this.#gone.add(userId);
    this.#isChanged = true;
  }

  /**
   * Writes what changed here to Redis, and reads who is present. Calls during a run share one more run, so that a
   * thousand users who come at once cost a few runs. A failed run leaves the change for the next one.
   */
  refresh(): Promise<void> {
    if (!this.#running) {
      this.#running = this.#run().finally(() => {
        this.#running = undefined;
      });
      return this.#running;
    }
    const again = (): Promise<void> => {
      this.#next = undefined;
      return this.refresh();
    };
    return (this.#next ??= this.#running.then(again, again));
  }

  /** Has the other nodes renew and read, with the next run. */
  markChanged(): void {
    this.#isChanged = true;
  }

  async #run(): Promise<void> {
    const isChanged = this.#isChanged;
    const gone = [...this.#gone];
    this.#isChanged = false;
    try {
      if (gone.length > 0) await this.#steps.remove(gone);
      // A user who came back in the meantime is renewed below.
      for (const userId of gone) this.#gone.delete(userId);
      this.#show(await this.#steps.renew(this.#sockets.keys()));
      if (isChanged) await this.#steps.announce();
    } catch (error) {
      this.#isChanged ||= isChanged;
      throw error;
    }
  }

  #show(present: ReadonlySet<string>): void {
    const before = this.#present;
    this.#present = present;
    const joined = [...present].filter((userId) => !before.has(userId));
    const left = [...before].filter((userId) => !present.has(userId));
    if (joined.length + left.length > 0) this.#steps.onChange({ joined, left });
  }
}
