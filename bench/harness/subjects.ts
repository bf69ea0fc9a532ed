import type { EmitterCommands } from '../subjects/emitter.js';
import type { ReceiverCommands } from '../subjects/receiver.js';

/** The scripts in `subjects`, each a process under test, by the commands that they serve. */
export interface Subjects {
  readonly receiver: ReceiverCommands;
  readonly emitter: EmitterCommands;
}
