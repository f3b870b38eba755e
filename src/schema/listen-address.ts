import { parseHostPort } from '../base/host-port.ts';

export interface ListenAddress {
  /** An IPv6 address without its brackets. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** "127.0.0.1:8080", "[::1]:8080" or "localhost:0", or what is wrong with it. */
export function parseListenAddress(text: string): ListenAddress | { readonly problem: string } {
  if (/^:\d+$/.test(text))
    return { problem: `must name an address: "0.0.0.0${text}" for every IPv4 one, "[::]${text}" for IPv6 too` };
  if (/^\d+$/.test(text)) return { problem: `must be HOST:PORT, such as "0.0.0.0:${text}"` };
  const parsed = parseHostPort(text);
  if ('problem' in parsed) return parsed;
  if (parsed.port === null) return { problem: `must be HOST:PORT, such as "${text}:8080"` };
  return { host: parsed.host, port: parsed.port };
}
