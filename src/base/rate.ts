const SECONDS_PER_UNIT: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 };

/** Most events a second that a rate may name. */
const RATE_PER_SECOND_MAX = 1_000_000;

const RATE = /^(\d{1,9})\/(s|m|h)$/;

/** Events per second of "100/s", "30/m" or "1000/h"; `null` where the text is no rate, is 0 or is above a million a second. */
export function perSecondOrNull(text: string): number | null {
  const match = RATE.exec(text);
  if (match === null) return null;
  const perSecond = Number(match[1]) / (SECONDS_PER_UNIT[match[2] ?? ''] ?? Number.NaN);
  return perSecond > 0 && perSecond <= RATE_PER_SECOND_MAX ? perSecond : null;
}

/** As `perSecondOrNull`, for text that has been validated already. */
export function parseRate(text: string): number {
  const perSecond = perSecondOrNull(text);
  if (perSecond === null)
    throw new RangeError(`not a rate: ${JSON.stringify(text)}; write "100/s", "30/m" or "1000/h"`);
  return perSecond;
}
