const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Longest delay that Node's timers keep; a longer one would fire at once. A little under 25 days. */
export const DURATION_MS_MAX = 2 ** 31 - 1;

const DURATION = /^(\d{1,10}(?:\.\d{1,6})?)(ms|s|m|h)$/;

/**
 * Milliseconds of "250ms", "30s", "1.5s", "5m" or "1h"; `null` where the text is not a duration, is no whole number of
 * milliseconds, or is longer than a timer can wait.
 */
export function durationMsOrNull(text: string): number | null {
  const match = DURATION.exec(text);
  if (match === null) return null;
  const ms = Number(match[1]) * (MS_PER_UNIT[match[2] ?? ''] ?? Number.NaN);
  const wholeMs = Math.round(ms);
  // The product of a decimal fraction is off by a rounding error at most, which is far below a thousandth.
  if (Math.abs(ms - wholeMs) > 1e-3 || wholeMs > DURATION_MS_MAX) return null;
  return wholeMs;
}

/** As `durationMsOrNull`, for text that has been validated already. */
export function parseDuration(text: string): number {
  const ms = durationMsOrNull(text);
  if (ms === null) throw new RangeError(`not a duration: ${JSON.stringify(text)}; write "250ms", "30s", "5m" or "1h"`);
  return ms;
}

/** The shortest text that `parseDuration` reads back as the same number of milliseconds. */
export function formatDuration(ms: number): string {
  for (const unit of ['h', 'm', 's'] as const) {
    const unitMs = MS_PER_UNIT[unit] ?? 1;
    if (ms !== 0 && ms % unitMs === 0) return `${ms / unitMs}${unit}`;
  }
  return `${ms}ms`;
}
