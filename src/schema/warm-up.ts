/** What a pool has to go through before it gets traffic. */
import { Type } from 'typebox';

import { count, formatted, timeout } from './fields.ts';
import { statuses } from './status-range.ts';
import { defaulted, recordOf, strictObject } from './strict-object.ts';
import type { Complete } from './strict-object.ts';

const WarmUpRequestSchema = strictObject(
  {
    path: formatted('request-path', 'Path that is asked for by GET.'),
    headers: defaulted(
      recordOf(formatted('field-name', 'A header field.'), formatted('field-value', 'Its value.'), {
        description: 'Further header fields; "host" is that of the target unless it is given.',
        maxProperties: 32,
      }),
      {},
    ),
    status: defaulted(statuses('The answers that pass.'), ['200-399']),
  },
  { title: 'WarmUpRequest', description: 'One request.' },
);

export const WarmUpSchema = strictObject(
  {
    requests: Type.Array(WarmUpRequestSchema, {
      minItems: 1,
      maxItems: 64,
      description: 'In order, again and again until `perTarget` have been sent.',
    }),
    perTarget: count(10, 100_000, 'Requests that each worker sends to each target.'),
    connections: count(
      2,
      1_000,
      'Connections on which each worker sends them, at once; they are kept for the traffic to come, for as long as idle ones are.',
    ),
    timeout: timeout('10s', 'For all of it.'),
  },
  {
    title: 'WarmUp',
    description:
      'Before a cutover, or a split, gives traffic to a pool that has none, its targets that are ready and well get these requests from every worker. One answer that does not pass, or none, refuses the change. What is forced does not wait for it, nor does a rollback.',
  },
);

export type WarmUpConfig = Complete<typeof WarmUpSchema>;
