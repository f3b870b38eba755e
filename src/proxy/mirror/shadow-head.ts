import { withoutLines } from '../http1/passing-fields.ts';

/** Tells the shadow that nobody will see its answer. */
const SHADOW_FIELD = 'X-Shadow-Request: 1\r\n';

/** As the head's writer puts it, with the line end before it, so that no field's value can be taken for it. */
const EXPECTATION = '\r\nExpect: 100-continue\r\n';

/**
 * The head of a copy, from that of its request: without the fields with these lower-case names, marked, and without an
 * expectation, since the body is at hand.
 */
export function shadowHead(head: string, withheld: ReadonlySet<string>): string {
  const lines = withheld.size === 0 ? head.slice(0, -2) : withoutLines(head, withheld);
  const passed = lines.replace(EXPECTATION, '\r\n');
  // A trusted proxy may have marked it already.
  return passed.includes(`\r\n${SHADOW_FIELD}`) ? `${passed}\r\n` : `${passed}${SHADOW_FIELD}\r\n`;
}
