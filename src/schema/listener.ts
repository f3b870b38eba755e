/** Listeners. */
import { Type } from 'typebox';
import type { Static } from 'typebox';

import { formatted, timeout, limit, count } from './fields.ts';
import { ListenerTlsSchema } from './listener-tls.ts';
import { defaulted, strictObject } from './strict-object.ts';
import type { Complete } from './strict-object.ts';

export const ListenerTimeoutsSchema = strictObject(
  {
    handshake: timeout('10s', 'From accepting a connection to the end of its TLS handshake; closed after it.'),
    requestHead: timeout('10s', 'From the first byte of a request to the end of its head; 408 after it.'),
    keepAlive: timeout('65s', 'Longest wait for the next request on a kept connection.'),
    halfClose: timeout(
      '500ms',
      'How long a silent response is waited for once the client has closed its sending side.',
    ),
    linger: timeout(
      '2s',
      'How long an unread request is thrown away after an early answer, before the connection is closed.',
    ),
  },
  { title: 'ListenerTimeouts', description: 'How long clients may take.' },
);

export const ListenerLimitsSchema = strictObject(
  {
    requestLine: limit('16KiB', 'Longest request line; above it 414.'),
    head: limit('32KiB', 'Longest request head; above it 431.'),
    fields: count(128, 10_000, 'Most header fields of a request; above it 431.'),
    pipelined: limit('64KiB', 'Pipelined requests held while one is answered; above it the connection is not read.'),
    requestsPerConnection: count(
      10_000,
      1_000_000_000,
      'Requests after which a connection is closed with its last answer.',
    ),
    connections: count(
      20_000,
      1_000_000,
      'Most client connections at once, per worker; further ones are closed at once. Where the limit on open files ' +
        '(LimitNOFILE) has less than two for each, it is so many less.',
    ),
    connectionsPerClient: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        description:
          'Most connections of one client at once, per worker; further ones are closed at once. A client is an IPv4 ' +
          'address or an IPv6 /64; `trustedProxies` are exempt, since they stand for many. Default: no limit.',
      }),
    ),
    concurrentStreams: count(
      100,
      10_000,
      'Most requests at once on one connection of HTTP/2; further ones are refused, as not processed.',
    ),
    loopLag: defaulted(
      formatted(
        'timeout-or-none',
        'While a worker comes to what waits for it later than this, twice in a row, and for a second after it, new ' +
          'requests are answered 503 with Retry-After. A duration, or "none".',
      ),
      '1s',
    ),
  },
  { title: 'ListenerLimits', description: 'How much clients may send.' },
);

export const ListenerSchema = strictObject(
  {
    listen: formatted(
      'listen-address',
      'Address that accepts traffic: "0.0.0.0:8080", "[::]:8080"; port 0: any free one.',
    ),
    protocol: defaulted(
      Type.Enum(['http', 'https', 'tcp'], {
        description:
          'What clients speak. https needs `tls`. tcp: anything; each connection goes to a target of the service that names the ' +
          'listener in `match.listeners`, and its bytes pass as they are.',
      }),
      'http',
    ),
    proxyProtocol: defaulted(
      Type.Boolean({
        description:
          'Of tcp: whether `trustedProxies` begin each connection with a header of the PROXY protocol (version 1 or 2), which says ' +
          'who the client is; one without it is reset. Of everybody else no such header counts.',
      }),
      false,
    ),
    tls: Type.Optional(ListenerTlsSchema),
    http2: Type.Optional(
      Type.Boolean({
        description:
          'Whether HTTP/2 is spoken, beside HTTP/1.1. https: it is offered by ALPN; default true. http: to clients that begin with ' +
          'it because they know ("prior knowledge"); default false.',
      }),
    ),
    timeouts: defaulted(ListenerTimeoutsSchema, {}),
    limits: defaulted(ListenerLimitsSchema, {}),
  },
  { title: 'Listener', description: 'An address that accepts traffic.' },
);

export type ListenerDocument = Static<typeof ListenerSchema>;
export type ListenerConfig = Complete<typeof ListenerSchema>;
