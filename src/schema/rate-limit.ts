/** How many requests one client may make. */
import { Type } from 'typebox';

import { count, formatted } from './fields.ts';
import { defaulted, strictObject } from './strict-object.ts';

export const RateLimitSchema = strictObject(
  {
    key: defaulted(
      formatted(
        'affinity-key',
        'Whose requests are counted together: "client-ip" (IPv6: the /64), "header:NAME" or "cookie:NAME". Those without that field are counted by their address.',
      ),
      'client-ip',
    ),
    rate: formatted('rate', 'Requests that a key may make, such as "100/s".'),
    burst: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        description: 'Requests that a key may make at once after a pause. Without it: those of one second, at least 1.',
      }),
    ),
    keys: count(100_000, 10_000_000, 'Keys that are remembered; above it the one not seen for longest is forgotten.'),
  },
  {
    title: 'RateLimit',
    description:
      'Requests above it are answered 429, with Retry-After. Counted by each worker for itself: a client that spreads over the connections of several workers can make up to so many times more.',
  },
);
