/** What a client asks for, taken apart and not changed: dot segments, encodings and doubled slashes are what it is about. */
export interface RequestUrl {
  /** tcp: a connection of a listener that passes bytes. */
  readonly scheme: 'http' | 'https' | 'tcp';
  /** Host, with its port where one is named; of a connection, the listener. */
  readonly authority: string;
  /** Path and query; of a connection the server's name that a TLS client asks for, or "". */
  readonly target: string;
}

const URL_FORM = /^(https?):\/\/([\x21\x22\x24-\x2e\x30-\x3e\x40-\x7e]+)([/?][\x21\x22\x24-\x7e]*)?$/;

const CONNECTION_FORM = /^tcp:\/\/([a-z0-9][a-z0-9._-]*)(?:\/([a-z0-9.-]*))?$/;

/** Takes "http://shop.example.com/cart?id=1", and "tcp://LISTENER" or "tcp://LISTENER/SERVER.NAME". */
export function parseRequestUrl(text: string): RequestUrl | { readonly problem: string } {
  const [, listener, serverName = ''] = CONNECTION_FORM.exec(text) ?? [];
  if (listener !== undefined) return { scheme: 'tcp', authority: listener, target: serverName };
  const [, scheme, authority = '', rest = ''] = URL_FORM.exec(text) ?? [];
  if (scheme === undefined || authority === '') {
    return {
      problem:
        'must be a URL as it is sent, such as "http://shop.example.com/cart?id=1": no spaces, "#" or non-ASCII characters; or "tcp://LISTENER"',
    };
  }
  const target = rest.startsWith('/') ? rest : `/${rest}`;
  return { scheme: scheme as RequestUrl['scheme'], authority, target };
}
