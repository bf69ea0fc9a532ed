/** A piece of an answer: what was asked, and then the text, token by token. */
export type Piece = { readonly prompt: string } | { readonly text: string };

/** What happens to the stream of an answer. */
export interface AnswerEvents {
  onOpen(): void;
  onPiece(piece: Piece): void;
  /** All pieces come again. */
  onRestart(): void;
  onInterrupted(): void;
  onEnd(outcome: 'completed' | 'stopped'): void;
  onFailure(reason: string): void;
}
