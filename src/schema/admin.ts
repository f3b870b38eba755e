/** The admin API: who may call it, and from where. */
import { Type } from 'typebox';
import type { Static } from 'typebox';

import { formatted, file, count, IdSchema } from './fields.ts';
import { ROLES } from './roles.ts';
import { defaulted, strictObject } from './strict-object.ts';
import type { Complete } from './strict-object.ts';

/** Where the admin API listens unless told. */
export const ADMIN_LISTEN_DEFAULT = '127.0.0.1:9900';

/** Who may do what: the part that tokens and client certificates have in common. */
const permission = {
  name: formatted('id', 'Who that is, as audit and logs say; no two have the same name.'),
  role: Type.Enum(ROLES, {
    description:
      'What is allowed. read: look. deploy: move traffic (splits, cutovers, rollbacks, mirrors, state and weight of targets). ' +
      'configure: change services, pools and targets. admin: everything. Each includes those before it.',
  }),
  scopes: Type.Optional(
    Type.Array(IdSchema, {
      minItems: 1,
      maxItems: 1_000,
      uniqueItems: true,
      description: 'The services that it is allowed for; default: all, and what concerns the whole proxy.',
    }),
  ),
};

export const TokenSchema = strictObject(
  {
    ...permission,
    sha256: Type.String({
      format: 'sha256',
      maxLength: 1024,
      // A token that was put here by mistake must not be repeated by the message about it.
      writeOnly: true,
      description: 'SHA-256 of the token, as `cutover token` prints it; the token itself is kept by whoever calls.',
    }),
    expires: Type.Optional(
      formatted('timestamp', 'From when on the token is refused, such as "2031-01-31T00:00:00Z".'),
    ),
  },
  { title: 'Token', description: 'A token that callers show as `Authorization: Bearer TOKEN`.' },
);

export const AdminClientSchema = strictObject(
  {
    ...permission,
    san: formatted(
      'subject-alt-name',
      'A subject alternative name of its certificate: "dns:NAME", "uri:URI", "email:ADDRESS" or "ip:ADDRESS".',
    ),
  },
  { title: 'AdminClient', description: 'Who shows a certificate with this name that `tls.clientCa` has signed.' },
);

export const AdminTlsSchema = strictObject(
  {
    cert: file('File with the certificate and those that lead to its authority, PEM.'),
    key: file('File with its private key, PEM; to be read by the user of the proxy alone.'),
    clientCa: Type.Optional(
      file(
        'File with the authorities of client certificates, PEM; with it, nobody connects without such a certificate.',
      ),
    ),
  },
  { title: 'AdminTls', description: 'TLS of the admin API. SIGHUP reads the files again.' },
);

/** What has to be written to open the admin API to a network without tokens or without TLS. */
export const INSECURE_PHRASE = 'I know that anyone on this network can change my routing';

export const AdminSchema = strictObject(
  {
    listen: defaulted(
      formatted(
        'admin-address',
        'Address of the admin API: "127.0.0.1:9900" or "unix:/run/cutover.sock". Addresses that other machines reach need ' +
          '`tls`, and `tokens` or `clients`.',
      ),
      ADMIN_LISTEN_DEFAULT,
    ),
    tokens: Type.Optional(
      Type.Array(TokenSchema, {
        minItems: 1,
        maxItems: 1_000,
        description:
          'Who may call. Without `tokens`, `tokensFile` and `clients` whoever reaches the address may do everything.',
      }),
    ),
    tokensFile: Type.Optional(file('File with more of the same list, YAML or JSON, mode 0600. SIGHUP reads it again.')),
    tls: Type.Optional(AdminTlsSchema),
    clients: Type.Optional(
      Type.Array(AdminClientSchema, {
        minItems: 1,
        maxItems: 1_000,
        description: 'Who may call by a client certificate instead of a token.',
      }),
    ),
    hosts: defaulted(
      Type.Array(formatted('host-header', 'A host, with or without a port.'), {
        maxItems: 100,
        description:
          'Further names that requests may have in their Host, besides localhost, the address itself and the names of the ' +
          'certificate; without a port, the one of `listen`.',
      }),
      [],
    ),
    writesPerSecond: count(
      1_000,
      100_000,
      'Calls a second that may change something, all callers together; above it 429.',
    ),
    insecure: Type.Optional(
      Type.Enum([INSECURE_PHRASE], {
        description:
          'Exactly this sentence opens an address that other machines reach without `tls` or without callers having to say who they are.',
      }),
    ),
  },
  { title: 'Admin', description: 'The admin API.' },
);

export type AdminDocument = Static<typeof AdminSchema>;
export type AdminConfig = Complete<typeof AdminSchema>;
export type TokenConfig = Complete<typeof TokenSchema>;
export type AdminClientConfig = Complete<typeof AdminClientSchema>;
