/** Which media type a client would rather have, by its Accept field (RFC 9110 section 12.5.1). */

/** Longest field that is read as a list; whoever sends more takes anything. */
const ACCEPT_CHARS_MAX = 2_048;

/**
 * The index of the media type that `accept` prefers, -1 where it takes none of them. Of those it likes alike, one that it
 * names goes before one that it only covers, then an earlier one before a later one. `types`: "text/html" and the like.
 */
export function preferredType(accept: string, types: readonly string[]): number {
  if (accept === '' || accept.length > ACCEPT_CHARS_MAX) {
    return types.length > 0 ? 0 : -1;
  }
  const ranges = accept.toLowerCase().split(',').map(rangeOf);
  let best = -1;
  let bestRank = 0;
  types.forEach((type, index) => {
    const rank = rankOf(type, ranges);
    if (rank > bestRank) {
      best = index;
      bestRank = rank;
    }
  });
  return best;
}

interface MediaRange {
  readonly type: string;
  readonly quality: number;
}

function rangeOf(text: string): MediaRange {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim());
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
  const quality = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(weight) ? Number(weight) : 0;
  return { type, quality };
}

/** The quality by the most specific range that covers the type, a little more for one that names it; 0: not taken. */
function rankOf(type: string, ranges: readonly MediaRange[]): number {
  const covers = [type, `${type.slice(0, type.indexOf('/'))}/*`, '*/*'];
  for (const [vagueness, name] of covers.entries()) {
    const range = ranges.find((one) => one.type === name);
    if (range !== undefined) {
      return range.quality === 0 ? 0 : range.quality - vagueness / 10_000;
    }
  }
  return 0;
}
