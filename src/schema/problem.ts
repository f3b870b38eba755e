/** One thing that is wrong with what an operator wrote. */
export interface Problem {
  /** JSON pointer (RFC 6901) to the field at fault; to where it should be, for one that is missing. "" is the whole document. */
  readonly path: string;
  /** What is wrong, and what would be right. */
  readonly message: string;
  /** Whether the field's name is at fault, not its value. */
  readonly atKey?: boolean;
}

/** A JSON pointer made of its parts. */
export function pointerOf(...parts: readonly (string | number)[]): string {
  return parts.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** The parts of a JSON pointer. */
export function pointerParts(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** The same problems, seen from the document that holds theirs at `base`. */
export function problemsUnder(base: string, problems: readonly Problem[]): Problem[] {
  return problems.map((problem) => ({ ...problem, path: base + problem.path }));
}
