/** The access log. */
import { Type } from 'typebox';

import { text } from './fields.ts';
import { defaulted, strictObject } from './strict-object.ts';
import type { Complete } from './strict-object.ts';

export const AccessLogSchema = strictObject(
  {
    path: text(
      'File that lines are appended to, or "stdout". A relative path counts from the folder of the configuration file. SIGHUP opens ' +
        'it again, for whoever has moved it away.',
      { minLength: 1, maxLength: 1024 },
    ),
    query: defaulted(
      Type.Boolean({ description: 'Write paths with their queries, in which passwords and tokens may stand.' }),
      false,
    ),
  },
  {
    title: 'AccessLog',
    description: 'A line of JSON for each request that is over; see docs/reference/access-log.md.',
  },
);

export type AccessLogConfig = Complete<typeof AccessLogSchema>;
