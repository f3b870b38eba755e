/**
 * Guards what we promise ourselves. What the world does wrong (clients, targets, operators) is handled, never asserted.
 */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionFailure(message);
}

/** A mistake of ours: inside a request it becomes a 500, outside one the process ends. */
export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure';
}
