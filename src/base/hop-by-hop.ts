/** Lower-case names of the fields that are for one connection alone (RFC 9110 section 7.6.1), with those that older agents take for such. */
export const HOP_BY_HOP = [
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
] as const;
