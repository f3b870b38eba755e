/** Pools and their targets. */
import { Type } from 'typebox';
import type { Static } from 'typebox';

import { formatted, text } from './fields.ts';
import { defaulted, strictObject } from './strict-object.ts';
import type { Complete } from './strict-object.ts';

export const TargetSchema = strictObject(
  {
    url: formatted(
      'target-url',
      'Address of an application server: "http://host:port" (port 80 where none is given), or "tcp://host:port" in a service of a tcp listener.',
    ),
    weight: defaulted(
      Type.Integer({
        minimum: 0,
        maximum: 65_535,
        description: "Share of the pool's requests relative to the other targets; 0: takes no part in balancing.",
      }),
      1,
    ),
    zone: defaulted(text('Where the target runs, such as an availability zone.'), ''),
    backup: defaulted(
      Type.Boolean({
        description: 'In reserve: takes requests only while no target of the pool that is no backup may.',
      }),
      false,
    ),
    state: defaulted(
      Type.Enum(['ready', 'drain', 'maint'], {
        description:
          'ready: takes traffic. drain: finishes what it has and keeps its sticky sessions. maint: no traffic.',
      }),
      'ready',
    ),
  },
  { title: 'Target', description: 'One address of an application server.' },
);

export const PoolSchema = strictObject(
  {
    version: defaulted(text('What runs in this pool, as you call it; shown in metrics.'), ''),
    targets: defaulted(
      Type.Array(TargetSchema, { maxItems: 10_000, description: 'The servers of this pool; may be empty.' }),
      [],
    ),
  },
  { title: 'Pool', description: 'A named, versioned set of targets.' },
);

export type TargetDocument = Static<typeof TargetSchema>;
export type TargetConfig = Complete<typeof TargetSchema>;
export type PoolDocument = Static<typeof PoolSchema>;
export type PoolConfig = Complete<typeof PoolSchema>;
