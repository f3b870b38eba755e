import { formatHostPort, parseHostPort } from '../base/host-port.ts';

export type TargetScheme = 'http' | 'tcp';

export interface TargetAddress {
  readonly scheme: TargetScheme;
  /** "host:port": what the target is called in the API and in metrics. */
  readonly id: string;
  /** An IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
}

const HTTP_PORT = 80;

/** "http://host:port" or "tcp://host:port", or what is wrong with it. Nothing but scheme, host and port is allowed: a target is an address. */
export function parseTargetUrl(text: string): TargetAddress | { readonly problem: string } {
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)(.*)$/.exec(text);
  if (match === null) return { problem: 'must be a URL such as "http://127.0.0.1:3000"' };
  const scheme = (match[1] ?? '').toLowerCase();
  const authority = match[2] ?? '';
  const rest = match[3] ?? '';
  if (scheme === 'https') return { problem: 'must use http: https to targets is not available in this version' };
  if (scheme !== 'http' && scheme !== 'tcp') return { problem: `must use http or tcp, not ${scheme}` };
  if (authority.includes('@')) return { problem: 'must not contain a user or password' };
  if (rest !== '' && rest !== '/') return { problem: `must end after the port, without "${rest}"` };
  const parsed = parseHostPort(authority);
  if ('problem' in parsed) return parsed;
  if (parsed.port === null && scheme === 'tcp')
    return { problem: 'must end with a port, such as "tcp://127.0.0.1:5432"' };
  const port = parsed.port ?? HTTP_PORT;
  if (port === 0) return { problem: 'must have a port from 1 to 65535' };
  return { scheme, id: formatHostPort(parsed.host, port), host: parsed.host, port };
}
