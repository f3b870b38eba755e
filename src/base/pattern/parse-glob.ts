/** Globs: "**" is anything, "*" anything within a segment, "?" one character of a segment; all else is itself. */
import { type CharSet, type Node, complementOf } from './pattern-node.ts';

const ANYTHING: CharSet = [[0, 0xffff]];
const NOT_SLASH = complementOf([[0x2f, 0x2f]]);

/** The whole text must match. `hasSegments`: "/" ends what "*" and "?" stand for, as in paths. */
export function parseGlob(source: string, hasSegments: boolean): Node {
  const within = hasSegments ? NOT_SLASH : ANYTHING;
  const parts = (source.match(/\*+|[^*]/gs) ?? []).map((part): Node => {
    if (part.startsWith('*')) {
      const set = part.length > 1 ? ANYTHING : within;
      return { kind: 'repeat', of: { kind: 'char', set }, min: 0, max: Infinity };
    }
    const code = part.charCodeAt(0);
    return { kind: 'char', set: part === '?' ? within : [[code, code]] };
  });
  return { kind: 'sequence', of: [{ kind: 'start' }, ...parts, { kind: 'end' }] };
}
