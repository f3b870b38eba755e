/** When a target is taken out of balancing for what its answers to real requests were. */
import { Type } from 'typebox';

import { count, timeout } from './fields.ts';
import { defaulted, strictObject } from './strict-object.ts';

const inARow = (value: number, description: string) =>
  defaulted(Type.Integer({ minimum: 0, maximum: 10_000, description: `${description} 0: never.` }), value);

export const EjectionSchema = strictObject(
  {
    unreachable: inARow(3, 'So many requests in a row without a connection, or a whole answer in time, are enough.'),
    failures: inARow(
      5,
      'So many in a row that failed in any way are: those, and answers of 500 and above but for 501 and 505.',
    ),
    failurePercent: Type.Optional(
      Type.Number({
        format: 'percent',
        minimum: 1,
        description: 'Such a share of requests within the window that failed in any way is. Without it: none is.',
      }),
    ),
    minimum: count(20, 1_000_000, 'Requests within the window below which no share is looked at.'),
    window: timeout('10s', 'Requests older than this no longer count for the share.'),
    duration: timeout(
      '30s',
      'How long the first ejection lasts. Each further one lasts so much longer, and each such time that passes without one takes that back.',
    ),
    durationMax: timeout('5m', 'How long an ejection lasts at most.'),
    maxPercent: defaulted(
      Type.Number({
        format: 'percent',
        minimum: 1,
        description:
          "Of a pool's ready targets, how many may be out at once; one always may, as long as another target is well.",
      }),
      50,
    ),
  },
  {
    title: 'Ejection',
    description:
      'Takes a target out of balancing that fails real requests, whatever its checks say. Each worker judges by the requests that it serves itself, and the others believe it. Without this, only checks decide.',
  },
);
