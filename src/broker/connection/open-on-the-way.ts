/** How long the first attempts may take, in milliseconds: nobody waits for them. */
const NO_HURRY = 30_000;

/** Opens what somebody needs by now. Whoever needs it waits for the outcome, and the log tells of failures. */
export function openOnTheWay(half: { open(patience: number): Promise<void> }): void {
  half.open(NO_HURRY).catch(() => undefined);
}
