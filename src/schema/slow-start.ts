/** How a target that has just come into service gets to its share. */
import { Type } from 'typebox';

import { timeout } from './fields.ts';
import { defaulted, strictObject } from './strict-object.ts';

export const SlowStartSchema = strictObject(
  {
    duration: timeout('30s', 'Time until a target has its whole weight.'),
    aggression: defaulted(
      Type.Integer({
        minimum: 1,
        maximum: 10,
        description:
          'How the weight grows, as (time / duration) ^ (1 / aggression): 1 evenly, above 1 faster at first.',
      }),
      1,
    ),
    minWeightPercent: defaulted(
      Type.Number({ format: 'percent', minimum: 1, description: 'Share of its weight that a target begins with.' }),
      10,
    ),
  },
  {
    title: 'SlowStart',
    description:
      'A target that joins its pool, is well again, or is made ready again gets its weight bit by bit, in ten steps, next to targets that have been there for longer: where all have just come, nobody could take what one is spared.',
  },
);
