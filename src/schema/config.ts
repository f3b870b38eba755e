/**
 * The configuration file, and the documents that the admin API takes and gives: one schema for both.
 *
 * Each shape has two types. `...Document` is what an operator wrote, defaults left out; that is what is stored and shown.
 * The name alone (`ServiceConfig`) is the same with every default filled in, which `withDefaults` makes and which the rest
 * of the program reads.
 */
import { Type } from 'typebox';
import type { Static } from 'typebox';

import { AccessLogSchema } from './access-log.ts';
import { AdminSchema } from './admin.ts';
import { ListenerSchema } from './listener.ts';
import { type ServiceConfig, ServiceSchema } from './service.ts';
import { text, formatted, timeout, IdSchema } from './fields.ts';
import { lookupFields } from './lookups.ts';
import { defaulted, recordOf, strictObject } from './strict-object.ts';
import type { Complete } from './strict-object.ts';

export const StateSchema = strictObject(
  {
    path: defaulted(
      text('Folder of the embedded store; "memory" keeps nothing. A relative path counts from the working directory.', {
        minLength: 1,
        maxLength: 1024,
      }),
      './data',
    ),
  },
  { title: 'State', description: 'Where what changed at run time is kept.' },
);

export const ShutdownSchema = strictObject(
  {
    announce: defaulted(
      formatted(
        'duration',
        'How long everything is still served while readiness fails and answers say `Connection: close`, so that ' +
          'whoever sends traffic here turns away by itself. A duration such as "5s".',
      ),
      '1s',
    ),
    drainTimeout: defaulted(
      formatted('duration', 'How long the end of the program waits for requests under way. A duration such as "30s".'),
      '30s',
    ),
    handOverTimeout: timeout(
      '60s',
      'How long a primary that takes over (`cutover upgrade`) may take to serve; after it, it is ended, and this one serves again.',
    ),
  },
  { title: 'Shutdown', description: 'What happens on SIGTERM, on SIGINT, and when another primary takes over.' },
);

export const ConfigSchema = strictObject(
  {
    listeners: recordOf(IdSchema, ListenerSchema, {
      description: 'The listeners by name, at least one.',
      minProperties: 1,
      maxProperties: 64,
    }),
    admin: defaulted(AdminSchema, {}),
    state: defaulted(StateSchema, {}),
    workers: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1024,
        description: 'Worker processes; 0: everything in one process; default: one per core.',
      }),
    ),
    trustedProxies: defaulted(
      Type.Array(formatted('cidr', 'A CIDR block or an address.'), {
        maxItems: 10_000,
        description:
          'Peers whose X-Forwarded-*, Forwarded and X-Real-IP fields count. X-Forwarded-For names the client if it is there, ' +
          'else Forwarded, else X-Real-IP.',
      }),
      [],
    ),
    zone: Type.Optional(
      text(
        'Where this proxy runs, such as an availability zone: what `algorithm.zone` of a service prefers. Default: the environment variable CUTOVER_ZONE.',
        { minLength: 1 },
      ),
    ),
    shutdown: defaulted(ShutdownSchema, {}),
    accessLog: Type.Optional(AccessLogSchema),
    ...lookupFields,
    services: defaulted(
      recordOf(IdSchema, ServiceSchema, { description: 'The services by name.', maxProperties: 10_000 }),
      {},
    ),
  },
  { title: 'Config', description: 'The configuration file.' },
);

export type ConfigDocument = Static<typeof ConfigSchema>;
export type Config = Omit<Complete<typeof ConfigSchema>, 'services'> & {
  readonly services: Readonly<Record<string, ServiceConfig>>;
};
