import type { Observer } from 'rxjs';
import type { Delivery, PubSubGap } from '../broker/broker.js';
import { channelKindOf } from '../channel/subscription-key.js';
import type { IncomingMessage } from '../codec/codec.js';
import { InvalidOptionError } from '../errors.js';
import { assertOneChannel } from '../history/assert-one-channel.js';
import { checkSince } from '../history/position.js';
import { Recovery, type RecoveryOptions } from '../history/recovery.js';
import { checkOneOf } from '../options/option-checks.js';
import { traceHandler } from '../transport/trace-handler.js';
import {
  MessageObserver,
  type Observation,
  type ObserverScope,
  type PubSubMessage,
  type RunHandler,
} from './message-observer.js';
import type { ObserveOptions, RecoverOptions } from './service-options.js';

/** From where on a channel is observed. */
export type RecoveryMode = Pick<RecoveryOptions, 'since' | 'mode'>;

/** Passes the messages of one channel to a destination, and what was missed of them. */
export class RecoveringObserver extends MessageObserver {
  readonly #recovery: Recovery;
  readonly #run: RunHandler | undefined;

  /** `run` is the handler that `destination.next` calls, if it calls one. */
  constructor(
    scope: ObserverScope,
    observation: Observation & RecoveryMode,
    destination: Observer<PubSubMessage>,
    run?: RunHandler,
  ) {
    super(scope, observation, destination);
    this.#run = run;
    const { pattern, key, since, mode } = observation;
    const { name: channel } = pattern;
    const of = { channel, kind: channelKindOf(key.kind), subscription: key, since, mode };
    this.#recovery = new Recovery(scope.bus.history, of, {
      onOutcome: ({ gap, recovered }) => {
        const { position } = this.#recovery;
        this.callOnSubscribed({ ...(gap && { gap }), recovered, position });
      },
      onMessage: (message, delivery) => super.onMessage(message, channel, delivery),
    });
  }

  override onSubscribed(): void {
    if (this.isOpen) this.#recovery.onSubscribed();
  }

  override onResubscribed(gap: PubSubGap): void {
    this.countGap();
    this.#recovery.onSubscribed(gap);
  }

  protected override onMessage(message: IncomingMessage, _: string, delivery: Delivery): void {
    this.#recovery.onMessage(message, delivery);
  }

  protected override pass(message: PubSubMessage): void {
    super.pass(this.#withPosition(message));
  }

  protected override passTraced(message: PubSubMessage, delivery: Delivery): void {
    const run = this.#run;
    const passed = this.#withPosition(message);
    if (!run) return super.passTraced(passed, delivery);
    const traced = this.traced(passed, delivery);
    this.runInContext(() => traceHandler(traced, () => run(passed)));
  }

  override unsubscribe(): void {
    this.#recovery.close();
    super.unsubscribe();
  }

  #withPosition(message: PubSubMessage): PubSubMessage {
    return Object.assign(message, { position: this.#recovery.position });
  }
}

/** The part of the options that says where to begin; `undefined` without `recover`. Throws `InvalidOptionError`. */
export function readRecovery(
  pattern: Observation['pattern'],
  options: ObserveOptions | RecoverOptions,
): RecoveryMode | undefined {
  const {
    recover = false,
    since,
    mode,
    onLost,
  } = options as Partial<Record<keyof (ObserveOptions & RecoverOptions), unknown>>;
  if (recover !== true) {
    assertAbsent({ since, mode }, 'absent without "recover"');
    checkOneOf('recover', String(recover), ['false', 'true']);
    return undefined;
  }
  assertOneChannel(pattern);
  assertAbsent({ onLost }, 'absent beside "recover", whose onSubscribed tells what is lost');
  return {
    since: checkSince(since),
    mode: mode === undefined ? 'all' : checkOneOf('mode', mode, ['all', 'last']),
  };
}

function assertAbsent(values: Readonly<Record<string, unknown>>, expected: string): void {
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) throw new InvalidOptionError(name, expected, value);
  }
}
