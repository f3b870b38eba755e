const SECONDS_PER_UNIT: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** 400 days, in seconds: browsers keep no cookie for longer (RFC 6265bis section 5.6.2). */
export const MAX_AGE_SECONDS_MAX = 400 * 86_400;

/** Seconds of "90s", "30m", "12h" or "365d"; `null` where the text is no such age, is 0, or is more than 400 days. */
export function maxAgeSecondsOrNull(text: string): number | null {
  const match = /^(\d{1,9})([smhd])$/.exec(text);
  if (match === null) return null;
  const seconds = Number(match[1]) * (SECONDS_PER_UNIT[match[2] ?? ''] ?? Number.NaN);
  return seconds > 0 && seconds <= MAX_AGE_SECONDS_MAX ? seconds : null;
}
