/** Whether a moment lies in a window of timestamps, hours of the day and days of the week. */
import type { TimeWindowSpec } from '../../snapshot/rule-spec.ts';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;
const DAYS = 7;

export class TimeWindow {
  readonly #spec: TimeWindowSpec;
  readonly #format: Intl.DateTimeFormat;
  /** What the last minute that was asked about came to: what a zone's clock shows is costly to find out. */
  #minute = Number.NaN;
  #isInside = false;

  constructor(spec: TimeWindowSpec) {
    this.#spec = spec;
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: spec.zone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
  }

  has(nowMs: number): boolean {
    const { fromMs, toMs, hours, days } = this.#spec;
    if ((fromMs !== null && nowMs < fromMs) || (toMs !== null && nowMs >= toMs)) {
      return false;
    }
    if (hours === null && days.length === 0) {
      return true;
    }
    const minute = Math.floor(nowMs / MINUTE_MS);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#isInside = this.#hasLocal(nowMs);
    }
    return this.#isInside;
  }

  #hasLocal(nowMs: number): boolean {
    const { hours, days } = this.#spec;
    const { day, minute } = this.#localTime(nowMs);
    const isDay = (wanted: number): boolean => days.length === 0 || days.includes(wanted);
    if (hours === null) {
      return isDay(day);
    }
    if (hours.from < hours.to) {
      return isDay(day) && minute >= hours.from && minute < hours.to;
    }
    // Over midnight: the evening belongs to this day, the morning to the day before.
    return (isDay(day) && minute >= hours.from) || (isDay((day + DAYS - 1) % DAYS) && minute < hours.to);
  }

  #localTime(nowMs: number): { day: number; minute: number } {
    const parts = this.#format.formatToParts(nowMs);
    const part = (type: string): string => parts.find((one) => one.type === type)?.value ?? '';
    return {
      day: WEEKDAY_NAMES.indexOf(part('weekday')),
      minute: (Number(part('hour')) * 60 + Number(part('minute'))) % DAY_MINUTES,
    };
  }
}

const WEEKDAY_NAMES = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
