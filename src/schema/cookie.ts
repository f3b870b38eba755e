/** What a browser is told about a cookie that the proxy gives. */
import { Type } from 'typebox';

import { formatted } from './fields.ts';
import { defaulted } from './strict-object.ts';

/** `maxAge`: how long the cookie lives where nothing else is said. */
export const cookieFields = (maxAge: string) => ({
  cookie: formatted('token', 'Name of the cookie.'),
  maxAge: defaulted(
    formatted(
      'max-age-or-none',
      'How long browsers keep it, from when it was given. An age such as "30d", or "none": until the browser is closed.',
    ),
    maxAge,
  ),
  domain: Type.Optional(
    formatted('cookie-domain', 'Also for the hosts below this one; default: only the host that was asked.'),
  ),
  path: defaulted(formatted('cookie-path', 'Sent back for paths below this one.'), '/'),
  sameSite: defaulted(
    Type.Enum(['lax', 'strict', 'none'], {
      description:
        'Whether requests that other sites cause bring it. lax: links do. strict: none do. none: all do; it is then always Secure.',
    }),
    'lax',
  ),
  secure: defaulted(
    Type.Enum(['auto', 'always'], {
      description:
        'Whether browsers send it over TLS alone. auto: where the client, as trusted proxies tell it, came by https. always: for clients of a TLS proxy that says nothing.',
    }),
    'auto',
  ),
});
