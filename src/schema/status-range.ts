/** Statuses of answers, one by one or in ranges. */
import { Type } from 'typebox';

/** Both bounds are included. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/** 200, "200" or "200-299"; the value has the format. */
export function statusRange(status: number | string): StatusRange {
  const [from = 0, to = from] = String(status).split('-').map(Number);
  return { from, to };
}

/** A list of statuses and ranges of them, one at least. */
export const statuses = (description: string) =>
  Type.Array(
    Type.Unsafe<number | string>({
      type: ['integer', 'string'],
      minimum: 100,
      maximum: 599,
      format: 'status-range',
      description: 'A status (200) or a range of them ("200-299").',
    }),
    { minItems: 1, maxItems: 32, description },
  );
