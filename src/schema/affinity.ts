/** Who is one user, and which target a session is bound to. */
import { Type } from 'typebox';

import { text, formatted } from './fields.ts';
import { strictObject } from './strict-object.ts';

export const AffinitySchema = strictObject(
  {
    key: Type.Array(formatted('affinity-key', '"cookie:NAME", "header:NAME" or "client-ip".'), {
      minItems: 1,
      maxItems: 8,
      description: 'Where to find who a user is; the first that a request has counts.',
    }),
    salt: Type.Optional(text('Another salt draws other users into a small share; default: the name of the service.')),
  },
  {
    title: 'Affinity',
    description:
      'The same user gets the same pool, and moves only into a pool whose share grows. Without this each request draws anew.',
  },
);

export const StickySchema = strictObject(
  {
    cookie: formatted('token', 'Name of the cookie.'),
    secret: Type.Optional(
      text('Signs the cookie; default: made once and kept in the state.', { minLength: 16, writeOnly: true }),
    ),
  },
  { title: 'Sticky', description: 'A cookie keeps a session on its target.' },
);
