/** User code failed in a request. It costs that request a 500, and is reported with the function's name. */
export class UserCodeError extends Error {
  override readonly name = 'UserCodeError';
  /** Which function, as documents name it. */
  readonly reference: string;

  constructor(reference: string, cause: unknown) {
    super(`${reference} failed${placeOf(reference, cause)}: ${describe(cause)}`, { cause });
    this.reference = reference;
  }
}

/** The line of the module, where the stack tells it. */
function placeOf(reference: string, cause: unknown): string {
  if (!(cause instanceof Error) || typeof cause.stack !== 'string') return '';
  const id = `${reference.slice(0, reference.indexOf('#'))}:`;
  const at = cause.stack.indexOf(id);
  const line = at < 0 ? null : /^\d+/.exec(cause.stack.slice(at + id.length));
  return line === null ? '' : ` (line ${line[0]})`;
}

/** What was thrown may be anything, even something that cannot be made a text. */
function describe(thrown: unknown): string {
  try {
    return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  } catch {
    return 'something that cannot be shown was thrown';
  }
}
