/** What a client asks for, taken apart and not changed: dot segments, encodings and doubled slashes are what it is about. */
export interface RequestUrl {
  readonly scheme: 'http' | 'https';
  /** Host, with its port where one is named. */
  readonly authority: string;
  /** Path and query. */
  readonly target: string;
}

const URL_FORM = /^(https?):\/\/([\x21\x22\x24-\x2e\x30-\x3e\x40-\x7e]+)([/?][\x21\x22\x24-\x7e]*)?$/;

/** Takes "http://shop.example.com/cart?id=1". */
export function parseRequestUrl(text: string): RequestUrl | { readonly problem: string } {
  const [, scheme, authority = '', rest = ''] = URL_FORM.exec(text) ?? [];
  if (scheme === undefined || authority === '') {
    return {
      problem:
        'must be a URL as it is sent, such as "http://shop.example.com/cart?id=1": no spaces, "#" or non-ASCII characters',
    };
  }
  const target = rest.startsWith('/') ? rest : `/${rest}`;
  return { scheme: scheme as RequestUrl['scheme'], authority, target };
}
