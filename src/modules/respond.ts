import type { FilterAnswer } from './user-code.ts';

/**
 * The answer that a request filter gives in the target's place, for it to return. `headers` must not be those of the
 * connection or of framing; the length is found out. `status` is a final one, 200 to 599.
 */
export function respond(status: number, headers: Readonly<Record<string, string>> = {}, body = ''): FilterAnswer {
  return { status, headers, body };
}
