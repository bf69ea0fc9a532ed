import { CHANNEL_KINDS, type ChannelKind } from '../channel/subscription-key.js';
import { isRecord } from '../codec/envelope-codec.js';
import type { ReservedChannels } from '../transport/reserved-channels.js';

/** What an instance can be asked. */
export type Verb = (typeof VERBS)[number];

const VERBS = ['ping', 'info', 'stats', 'unheard'] as const;

/**
 * A question to all instances: JSON, whatever the codecs of the instances are. Each answers with a JSON object that has the
 * `id` of the question, and itself as `instance`.
 */
export interface Question {
  readonly verb: Verb;
  readonly id: string;
  /** The reply inbox, and the kind of its channel. */
  readonly replyTo: string;
  readonly replyKind: ChannelKind;
}

/** No question is longer. */
export const MAX_QUESTION_BYTES = 1_024;

/** No question has a longer text. */
const MAX_TEXT_LENGTH = 256;

/** The reserved channel on which instances of a prefix receive questions: those of others do not hear them. */
export function questionChannel(reserved: ReservedChannels, prefix: string): string {
  return `${reserved.start}instances.${prefix}`;
}

/** The question in a payload; `undefined` if it is none. Any client of Redis may have sent it. Never throws. */
export function readQuestion(text: string, reserved: ReservedChannels): Question | undefined {
  const { verb, id, replyTo, replyKind } = parseRecord(text) ?? {};
  const knownVerb = VERBS.find((it) => it === verb);
  const knownKind = CHANNEL_KINDS.find((it) => it === replyKind);
  if (!knownVerb || !knownKind || !isShortText(id) || !isShortText(replyTo)) return undefined;
  // An instance must not be made to publish anywhere else.
  if (!reserved.isInbox(replyTo)) return undefined;
  return { verb: knownVerb, id, replyTo, replyKind: knownKind };
}

/** The object in a JSON text; `undefined` if there is none. Never throws. */
export function parseRecord(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isShortText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_TEXT_LENGTH;
}
