import type { Node } from './pattern-node.ts';

/** A shorter text is found in too many others to tell anything. */
const LITERAL_CHARS_MIN = 3;

/** The longest text that everything which matches must have in it as it stands; `null`: there is none of use. */
export function requiredLiteral(node: Node): string | null {
  const runs = runsOf(node);
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '');
  return longest.length < LITERAL_CHARS_MIN ? null : longest;
}

/** Of characters that stand side by side, and of which none can be another or be missing. */
function runsOf(node: Node): string[] {
  if (node.kind !== 'sequence') return [charOf(node) ?? ''];
  const runs = [''];
  for (const part of node.of) {
    const char = charOf(part);
    if (char !== null) runs[runs.length - 1] += char;
    // A group that must be there once has runs of its own, which end where it does.
    else runs.push(...(part.kind === 'sequence' ? runsOf(part) : []), '');
  }
  return runs;
}

function charOf(node: Node): string | null {
  const [range] = node.kind === 'char' ? node.set : [];
  const isOne = node.kind === 'char' && node.set.length === 1 && range !== undefined && range[0] === range[1];
  return isOne ? String.fromCharCode(range[0]) : null;
}
