/** TLS of a listener. */
import { Type } from 'typebox';

import { file } from './fields.ts';
import { defaulted, strictObject } from './strict-object.ts';
import type { Complete } from './strict-object.ts';

/** More than one address is shared by, and few enough to be read at once. */
const CERTIFICATES_MAX = 1_000;

export const CertificateSchema = strictObject(
  {
    cert: file(
      'File with the certificate and those that lead to its authority, PEM. A relative path counts from the folder of the ' +
        'configuration file.',
    ),
    key: file('File with its private key, PEM, not encrypted; to be read by the user of the proxy alone.'),
  },
  { title: 'Certificate', description: 'A certificate and its key.' },
);

export const ListenerTlsSchema = strictObject(
  {
    certificates: Type.Array(CertificateSchema, {
      minItems: 1,
      maxItems: CERTIFICATES_MAX,
      description:
        'A client is shown the one that has the name which it asks for (SNI), exactly before by a wildcard, else the first. ' +
        'SIGHUP and `POST /v1/config` read the files again.',
    }),
    minVersion: defaulted(Type.Enum(['1.2', '1.3'], { description: 'Oldest version of TLS that is spoken.' }), '1.2'),
  },
  { title: 'ListenerTls', description: 'TLS of a listener, for `protocol: https`.' },
);

export type CertificateConfig = Complete<typeof CertificateSchema>;
