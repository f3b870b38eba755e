/** Hours of the day, in minutes since midnight; `from` is part of them, `to` is not, and may lie on the next day. */
export interface Hours {
  readonly from: number;
  readonly to: number;
}

/** "09:00-17:00"; "24:00" is the end of the day. Null for anything else. */
export function hoursOf(text: string): Hours | null {
  const match = /^(\d\d):([0-5]\d)-(\d\d):([0-5]\d)$/.exec(text);
  if (match === null) return null;
  const from = Number(match[1]) * 60 + Number(match[2]);
  const to = Number(match[3]) * 60 + Number(match[4]);
  return from < 1440 && to <= 1440 && from !== to ? { from, to } : null;
}
