/** Active health checks. */
import { Type } from 'typebox';
import type { Static } from 'typebox';

import { formatted, timeout, count } from './fields.ts';
import { defaulted, strictObject } from './strict-object.ts';
import type { Complete } from './strict-object.ts';

export const HealthSchema = strictObject(
  {
    path: defaulted(formatted('request-path', 'Path that is asked for by GET.'), '/'),
    host: Type.Optional(formatted('host-header', 'Host field of the check; default: the address of the target.')),
    interval: timeout('2s', 'Time between two checks of a target.'),
    timeout: timeout('1s', 'A check that takes longer has failed.'),
    rise: count(2, 100, 'Checks passed in a row that make a target up.'),
    fall: count(3, 100, 'Checks failed in a row that make a target down.'),
    status: defaulted(
      Type.Array(
        Type.Unsafe<number | string>({
          type: ['integer', 'string'],
          minimum: 100,
          maximum: 599,
          format: 'status-range',
          description: 'A status (200) or a range of them ("200-299").',
        }),
        { minItems: 1, maxItems: 32, description: 'The answers that pass.' },
      ),
      ['200-299'],
    ),
    initialState: defaulted(
      Type.Enum(['up', 'down'], {
        description:
          'What targets of the configuration file are until their first checks; those added while running start down.',
      }),
      'up',
    ),
  },
  { title: 'Health', description: 'Active checks of every target. Without this, targets count as up.' },
);

export type HealthDocument = Static<typeof HealthSchema>;
export type HealthConfig = Complete<typeof HealthSchema>;
