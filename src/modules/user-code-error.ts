/** User code failed in a request. It costs that request a 500, and is reported with the function's name. */
export class UserCodeError extends Error {
  override readonly name = 'UserCodeError';
  /** Which function, as documents name it. */
  readonly reference: string;

  constructor(reference: string, cause: unknown) {
    super(`${reference} failed: ${describe(cause)}`, { cause });
    this.reference = reference;
  }
}

/** What was thrown may be anything, even something that cannot be made a text. */
function describe(thrown: unknown): string {
  try {
    return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  } catch {
    return 'something that cannot be shown was thrown';
  }
}
