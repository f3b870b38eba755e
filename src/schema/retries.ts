/** What is tried again, how often, and at what pace. */
import { Type } from 'typebox';
import type { Static } from 'typebox';

import { formatted, percent, timeout } from './fields.ts';
import { defaulted, strictObject } from './strict-object.ts';

export const RetriesSchema = strictObject(
  {
    tries: defaulted(
      Type.Integer({
        minimum: 0,
        maximum: 10,
        description:
          'Further tries of one request at most. A kept connection that died under it is replaced once besides.',
      }),
      1,
    ),
    on: defaulted(
      Type.Array(Type.Enum(['connect', 'reused-connection', 'reset', 502, 503, 504], { description: 'A reason.' }), {
        maxItems: 6,
        uniqueItems: true,
        description:
          'connect: no connection was made; any method. reused-connection: a kept connection died before a byte of an answer; ' +
          'idempotent requests, and any that had not left. reset: a new one did; idempotent requests. A status: the target answered with it; ' +
          'idempotent requests.',
      }),
      ['connect', 'reused-connection'],
    ),
    budget: defaulted(
      strictObject(
        {
          percent: defaulted(percent("Of the pool's requests in flight."), 20),
          min: defaulted(
            Type.Integer({ minimum: 0, maximum: 10_000, description: 'So many at once are always allowed.' }),
            3,
          ),
        },
        {
          title: 'RetryBudget',
          description:
            'How many requests of a pool may be in a further try at once, for reset and the statuses: what fails must not be asked twice as much. Counted by each worker.',
        },
      ),
      {},
    ),
    perTryTimeout: defaulted(
      formatted(
        'timeout-or-none',
        'From the beginning of one try to the head of its answer. One that runs out counts as a 504 of the target. A duration, or "none".',
      ),
      'none',
    ),
    backoff: defaulted(
      strictObject(
        {
          base: timeout('25ms', 'The longest wait before the first further try; it doubles with each.'),
          max: timeout('250ms', 'The longest wait before any.'),
        },
        {
          title: 'RetryBackoff',
          description:
            'The wait before a further try for reset or a status, drawn between nothing and a bound that grows. The other reasons wait for nothing.',
        },
      ),
      {},
    ),
    idempotencyKey: defaulted(
      Type.Boolean({
        description:
          'Take any request with an Idempotency-Key field for idempotent: only for applications that honour that field.',
      }),
      false,
    ),
  },
  {
    title: 'Retries',
    description: 'What is tried again. Nothing is, once a byte of its answer has reached the client.',
  },
);

export type RetriesDocument = Static<typeof RetriesSchema>;
