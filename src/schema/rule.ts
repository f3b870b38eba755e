/** Rules: what chooses before the split does. */
import { Type } from 'typebox';
import type { Static } from 'typebox';

import { formatted } from './fields.ts';
import { defaulted, recordOf, strictObject } from './strict-object.ts';
import type { Complete } from './strict-object.ts';

export const RuleSchema = strictObject(
  {
    name: formatted('id', 'Name of the rule, unique in its service.'),
    when: strictObject(
      {
        headers: defaulted(
          recordOf(
            formatted('field-name', 'Header field name, lower case.'),
            formatted('field-value', 'The exact value.'),
            {
              maxProperties: 16,
              description: 'Header fields and their exact values, all of which must match.',
            },
          ),
          {},
        ),
        clientIp: defaulted(
          Type.Array(formatted('cidr', 'A CIDR block or an address.'), {
            maxItems: 1_000,
            description: "Blocks of which one must hold the client's address; empty: any address.",
          }),
          [],
        ),
      },
      { description: 'Conditions, at least one; all of them must hold.' },
    ),
    pool: formatted('id', 'The pool that matching requests go to.'),
  },
  { title: 'Rule', description: 'Chooses the pool of matching requests before the split does.' },
);

export type RuleDocument = Static<typeof RuleSchema>;
export type RuleConfig = Complete<typeof RuleSchema>;
