/** A service that is held: its requests wait. */
import { Type } from 'typebox';
import type { Static } from 'typebox';

import { count, formatted, limit, timeout } from './fields.ts';
import { strictObject } from './strict-object.ts';
import type { Complete } from './strict-object.ts';

export const PauseSchema = strictObject(
  {
    timeout: timeout('30s', 'How long one request waits at most; then 503.'),
    requests: count(1_000, 1_000_000, 'Requests that wait at once, divided among the workers; above it 503.'),
    bytes: limit('16MiB', 'What waiting requests may hold in memory, divided among the workers; above it 503.'),
    resumeOver: timeout('1s', 'Time over which the waiting requests are let go, evenly, once the service is resumed.'),
    healthPath: Type.Optional(
      formatted(
        'request-path',
        'GET and HEAD of this path are answered 200 meanwhile, so that a balancer in front keeps this proxy. Without it: `health.path`.',
      ),
    ),
  },
  { title: 'Pause', description: 'Holds a service: new requests wait, those under way go on.' },
);

export type PauseDocument = Static<typeof PauseSchema>;
export type PauseConfig = Complete<typeof PauseSchema>;
