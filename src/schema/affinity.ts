/** Who is one user, and which target a session is bound to. */
import { Type } from 'typebox';
import type { Static } from 'typebox';

import { cookieFields } from './cookie.ts';
import { text, formatted } from './fields.ts';
import { defaulted, strictObject } from './strict-object.ts';
import type { Complete } from './strict-object.ts';

/** Users come back after months; nobody is drawn anew for having been away. */
const USER_COOKIE_AGE = '365d';

/** Secrets that are accepted beside the one that signs: more than two are never under way in a rotation. */
const ACCEPTED_SECRETS_MAX = 4;

export const IssueSchema = strictObject(cookieFields(USER_COOKIE_AGE), {
  title: 'Issue',
  description:
    'A cookie with a random id for whoever has none. Its name must stand in "key"; whom no key before it tells is given one, and is routed by it from the same request on.',
});

export const AffinitySchema = strictObject(
  {
    key: Type.Array(formatted('affinity-key', '"cookie:NAME", "header:NAME" or "client-ip".'), {
      minItems: 1,
      maxItems: 8,
      description: 'Where to find who a user is; the first that a request has counts.',
    }),
    salt: Type.Optional(text('Another salt draws other users into a small share; default: the name of the service.')),
    issue: Type.Optional(IssueSchema),
  },
  {
    title: 'Affinity',
    description:
      'The same user gets the same pool, and moves only into a pool whose share grows. Without this each request draws anew.',
  },
);

export const StickySchema = strictObject(
  {
    ...cookieFields('none'),
    secret: Type.Optional(
      text('Signs the cookie; default: made once and kept in the state.', { minLength: 16, writeOnly: true }),
    ),
    acceptedSecrets: defaulted(
      Type.Array(text('A secret.', { minLength: 16, writeOnly: true }), {
        maxItems: ACCEPTED_SECRETS_MAX,
        description:
          'Secrets that sign nothing and whose cookies are accepted. To replace a secret on several instances: accept the new one everywhere, then let it sign, then drop the old one.',
      }),
      [],
    ),
    onCutover: defaulted(
      Type.Enum(['move', 'keep'], {
        description:
          'What a change of the split does to sessions. move: they follow it, so that a pool without a share gets no further request. keep: they stay on their target for as long as it may serve them, whatever the split says; no cutover or rollback moves them, "maint" does.',
      }),
      'move',
    ),
  },
  {
    title: 'Sticky',
    description:
      'A cookie keeps a session on its target. A rule that matches another pool takes the session there. Whom affinity does not know stays on the pool of the session while that has a share.',
  },
);

export type CookieConfig = Complete<typeof IssueSchema>;
export type StickyDocument = Static<typeof StickySchema>;
