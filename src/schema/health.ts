/** Active health checks. */
import { Type } from 'typebox';
import type { Static } from 'typebox';

import { count, formatted, text, timeout } from './fields.ts';
import { statuses } from './status-range.ts';
import { defaulted, recordOf, strictObject } from './strict-object.ts';
import type { Complete } from './strict-object.ts';

export const HealthSchema = strictObject(
  {
    type: defaulted(
      Type.Enum(['http', 'tcp'], {
        description: 'http: a request is answered as it should be. tcp: a connection can be made.',
      }),
      'http',
    ),
    method: defaulted(Type.Enum(['GET', 'HEAD', 'OPTIONS'], { description: 'Method of the check.' }), 'GET'),
    path: defaulted(formatted('request-path', 'Path that is asked for.'), '/'),
    host: Type.Optional(formatted('host-header', 'Host field of the check; default: the address of the target.')),
    headers: defaulted(
      recordOf(formatted('field-name', 'A header field.'), formatted('field-value', 'Its value.'), {
        description: 'Further header fields of the check.',
        maxProperties: 32,
      }),
      {},
    ),
    interval: timeout('2s', 'Time between two checks of a target.'),
    downInterval: Type.Optional(
      formatted(
        'timeout',
        'Time between two checks of a target that is down, or whose last check says otherwise than it counts as. A duration such as "500ms"; default: `interval`.',
      ),
    ),
    timeout: timeout('1s', 'A check that takes longer has failed.'),
    rise: count(2, 100, 'Checks passed in a row that make a target up.'),
    fall: count(3, 100, 'Checks failed in a row that make a target down.'),
    status: defaulted(statuses('The answers that pass. Redirects are never followed.'), ['200-299']),
    bodyContains: Type.Optional(
      text('What the first 64 KiB of the answer must contain, byte for byte, besides.', { minLength: 1 }),
    ),
    initialState: defaulted(
      Type.Enum(['up', 'down'], {
        description:
          'What targets of the configuration file are until their first checks; those added while running start down, and so do those that were down when the process before ended.',
      }),
      'up',
    ),
  },
  { title: 'Health', description: 'Active checks of every target. Without this, targets count as up.' },
);

export type HealthDocument = Static<typeof HealthSchema>;
export type HealthConfig = Complete<typeof HealthSchema>;
