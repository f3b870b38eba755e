/** How a target is chosen inside a pool. */
import { Type } from 'typebox';
import type { Static } from 'typebox';

import { formatted, percent, timeout } from './fields.ts';
import { defaulted, nameOr, strictObject } from './strict-object.ts';
import type { Complete } from './strict-object.ts';

const AlgorithmNameSchema = Type.Enum(
  ['round-robin', 'least-connections', 'p2c', 'least-time', 'rendezvous', 'random'],
  {
    description:
      'round-robin: in turn, by weight. least-connections: the one with the fewest requests under way per weight. ' +
      'p2c: of two drawn by weight, the one that will probably answer sooner (latest latency × requests under way, per weight). ' +
      'least-time: of all, the one that will probably answer soonest. rendezvous: the same key to the same target. ' +
      'random: drawn by weight.',
  },
);

export const ZonePreferenceSchema = strictObject(
  {
    enough: defaulted(
      percent(
        "Part of the own zone's weight that is enough to serve everything. Where less of it may serve, the zone keeps its " +
          'share of what would be enough, and the rest goes to other zones; 0: nothing, as long as one target is left.',
      ),
      70,
    ),
  },
  {
    title: 'ZonePreference',
    description:
      'Prefer targets in the zone of this proxy (`zone` of the file, else the environment variable CUTOVER_ZONE). Without a zone of its own, all targets are alike.',
  },
);

export const AlgorithmObjectSchema = strictObject(
  {
    name: Type.Optional(AlgorithmNameSchema),
    function: Type.Optional(
      formatted(
        'function',
        'In the place of a name: file and export of a function that makes the algorithm, such as "./pinning.ts#byTenant". ' +
          'Second tries and mirrored copies go by round-robin.',
      ),
    ),
    key: Type.Optional(
      formatted(
        'hash-key',
        'For rendezvous: what decides, "header:NAME", "cookie:NAME", "client-ip" or "path"; a request without it goes by round-robin. Default: "client-ip".',
      ),
    ),
    decay: timeout(
      '10s',
      'For p2c and least-time: the time in which what was seen of a target fades to a third (1/e).',
    ),
    zone: Type.Optional(ZonePreferenceSchema),
  },
  { title: 'Algorithm', description: 'An algorithm with its settings: a name, or a function.' },
);

export const AlgorithmSchema = nameOr(AlgorithmNameSchema, AlgorithmObjectSchema, {
  description: 'Chooses a target inside a pool: the name of an algorithm, or an object with its name and its settings.',
});

export type AlgorithmName = Static<typeof AlgorithmNameSchema>;
export type AlgorithmDocument = Static<typeof AlgorithmObjectSchema>;
export type AlgorithmConfig = Complete<typeof AlgorithmSchema>;
