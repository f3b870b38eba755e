/** The candidate that `name` is most likely a misspelling of; `null` where none is near. */
export function closestName(name: string, candidates: Iterable<string>): string | null {
  // One slip in three characters is a slip; more is another word.
  let distanceMax = Math.max(1, Math.floor(name.length / 3));
  let closest: string | null = null;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance <= distanceMax) {
      closest = candidate;
      distanceMax = distance - 1;
    }
  }
  return closest;
}

/**
 * Insertions, deletions, replacements and swaps of neighbours that turn one into the other (optimal string alignment).
 * Three rows suffice: a swap looks back two.
 */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(beforeLast, j - 2) + 1 : Infinity;
      row.push(Math.min(replaced, swapped, at(last, j) + 1, at(row, j - 1) + 1));
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
