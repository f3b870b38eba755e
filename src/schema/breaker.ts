/** When a pool or a target that fails too often is left alone for a while. */
import { Type } from 'typebox';

import { count, timeout } from './fields.ts';
import { defaulted, strictObject } from './strict-object.ts';

export const BreakerSchema = strictObject(
  {
    per: defaulted(
      Type.Array(Type.Enum(['pool', 'target'], { description: 'What opens.' }), {
        minItems: 1,
        maxItems: 2,
        uniqueItems: true,
        description:
          'target: one that is open is passed over, unless all are. pool: one that is open answers 503 at once, with Retry-After.',
      }),
      ['pool', 'target'],
    ),
    failurePercent: defaulted(
      Type.Number({
        format: 'percent',
        minimum: 1,
        description:
          'Share of failures at which it opens: no answer, an answer that is not whole, or a status of 500 and above.',
      }),
      50,
    ),
    minimum: count(20, 1_000_000, 'Requests within the window below which it never opens.'),
    window: timeout('10s', 'Requests older than this no longer count.'),
    open: timeout('5s', 'How long it stays open.'),
    recover: timeout(
      '10s',
      'How long it then takes to let all requests through again; it opens anew if too many fail.',
    ),
  },
  {
    title: 'Breaker',
    description:
      'Leaves a pool or a target alone that fails too often: closed, open, recovering, closed. Each worker judges by the requests that it serves itself.',
  },
);
